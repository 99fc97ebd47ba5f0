package rollout

import (
	"slices"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// A refresh of named vaults reads no others, however many there are to read.
func TestToRefresh(t *testing.T) {
	t.Parallel()
	s := NewState(testPlan(4, 1, 1, 4))
	for i, status := range []fleet.Status{fleet.Failed, fleet.Upgraded, fleet.Failed, fleet.Unknown} {
		s.Vaults[i].Status = status
	}
	for _, c := range []struct{ named, want []int }{
		{nil, []int{0, 2}}, // the run itself still reads the one in doubt
		{[]int{2}, []int{2}},
		{[]int{2, 0}, []int{2, 0}},
	} {
		if got, err := s.ToRefresh(c.named); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("of %v it reads %v (%v), want %v", c.named, got, err, c.want)
		}
	}
	for _, i := range []int{1, 3} {
		if got, err := s.ToRefresh([]int{0, i}); err == nil {
			t.Errorf("with vault %d, that reading is of no use for, it reads %v", i, got)
		}
	}
}
