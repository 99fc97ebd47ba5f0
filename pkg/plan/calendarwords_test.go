package plan

import (
	"testing"
	"time"
)

func TestDaysWords(t *testing.T) {
	t.Parallel()
	for want, days := range map[string][]time.Weekday{
		"Mon–Fri":       {1, 2, 3, 4, 5},
		"Sat, Sun":      {0, 6},
		"every day":     {0, 1, 2, 3, 4, 5, 6},
		"Mon, Wed":      {3, 1, 1},
		"Tue–Thu, Sun":  {2, 3, 4, 0},
		"Mon, Tue, Fri": {1, 2, 5},
		"Fri–Sun":       {5, 6, 0},
	} {
		if got := daysWords(days); got != want {
			t.Errorf("%v is %q, want %q", days, got, want)
		}
	}
}
