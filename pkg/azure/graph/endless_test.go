package graph

import (
	"fmt"
	"strings"
	"testing"
)

// TestPagesHaveAnEnd: a server that announces rows without end, or hands them out one by
// one, each page naming another, is not asked for ever, and what came is no inventory.
func TestPagesHaveAnEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		announced, asked int
		says             string
	}{
		"more rows than there are": {mostRows + 1, 1,
			"Resource Graph says that there are 5000001 rows, more than 5000000, which is far above any estate"},
		"a page for each row": {mostRows, 7, "after 7 pages with 7 of 5000000 rows there is yet another page"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0
			s := &service{t: t, answer: func(int, body) *reply {
				n++
				return &reply{status: 200, body: pageJSON(c.announced, fmt.Sprint("fresh ", n),
					vaultRow(sub, "rg", fmt.Sprint("v", n)))}
			}}
			client := s.client(false)
			client.most = 7
			_, err := vaults(t, client, one)
			if err == nil || !strings.Contains(err.Error(), c.says) || n != c.asked {
				t.Errorf("asked %d times, want %d; it says %v", n, c.asked, err)
			}
		})
	}
}
