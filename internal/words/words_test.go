package words

import "testing"

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0 vaults", 1: "1 vault", 2: "2 vaults", -1: "-1 vaults",
		1000: "1000 vaults"} {
		if got := Count(n, "vault"); got != want {
			t.Errorf("%d is %q, not %q", n, got, want)
		}
	}
}
