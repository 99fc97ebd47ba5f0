package rollout

import "testing"

// TestTallyPlus: a count that is added to a tally leaves no part of it out. Literals
// without names stop compiling with a part that is new.
func TestTallyPlus(t *testing.T) {
	t.Parallel()
	one := tally{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	two := tally{2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24}
	sum := one
	if sum.plus(&one); sum != two {
		t.Errorf("%+v twice is %+v", one, sum)
	}
}
