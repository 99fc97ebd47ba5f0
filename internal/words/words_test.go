package words

import "testing"

func TestCounts(t *testing.T) {
	t.Parallel()
	for n, want := range map[int][2]string{0: {"0 vaults", "0 entries"}, 1: {"1 vault", "1 entry"}, 2: {"2 vaults", "2 entries"}, -1: {"-1 vaults", "-1 entries"},
		999: {"999 vaults", "999 entries"}, 1000: {"1000 vaults", "1,000 entries"}, -1000: {"-1000 vaults", "-1,000 entries"},
		1234567: {"1234567 vaults", "1,234,567 entries"}, -123456: {"-123456 vaults", "-123,456 entries"}} {
		if got := [2]string{Count(n, "vault"), Plural(n, "entry", "entries")}; got != want {
			t.Errorf("%d is %q, not %q", n, got, want)
		}
	}
}
