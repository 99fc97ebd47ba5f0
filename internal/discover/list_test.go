package discover

import (
	"fmt"
	"strings"
	"testing"
)

// TestList: subscriptions as people write them, and as az account list prints them, each
// with its tenant.
func TestList(t *testing.T) {
	t.Parallel()
	const a, b, c = "53a3c692-5283-4f0a-baf6-49412f5ebefe", "8f0c2a51-6d3e-4b7a-9c14-2e5d7f9a1b03",
		"11111111-1111-4111-8111-111111111111"
	const here, there = "72f988bf-86f1-41af-91ab-2d7cd011db47", "contoso.example"
	var l List
	l.Add("--subscription", a+"=shop")
	l.AddLines("list.tsv", []byte("# of az account list\n\n"+b+"\tLab one\t"+strings.ToUpper(there)+"\r\n  "+c+"\t\n"))
	got, err := l.Of(here)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint([][3]string{{a, "shop", here}, {b, "Lab one", there}, {c, "", here}})
	var all [][3]string
	for _, s := range got {
		all = append(all, [3]string{s.ID, s.Name, s.Tenant})
	}
	if fmt.Sprint(all) != want {
		t.Errorf("it is %v, want %v", all, want)
	}
	for text, says := range map[string]string{
		a + "\tx\tnot a tenant":           "l:1: tenant must be a GUID or a domain",
		a + "\tx\t" + here + "\tmore":     "l:1: it has more than an ID, a name and a tenant",
		a + "\tx\n" + a + "\ty\t" + here:  "l:2: " + a + " was given before, at l:1",
		a + "\tx\n" + b + "=X\t\t" + here: "l:2: ",
		"no ID\tx\t" + here:               "l:1: ",
	} {
		var l List
		l.AddLines("l", []byte(text))
		if _, err := l.Of(""); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %s", text, err, says)
		}
	}
}
