package arm

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestPrepareNeedsWhatItUnderstands: a vault whose settings became something else after its check is not started.
func TestPrepareNeedsWhatItUnderstands(t *testing.T) {
	t.Parallel()
	for properties, starts := range map[string]bool{
		asWas: true, `{"settings":null}`: true, `{}`: true,
		`{"settings":"Off"}`: false, `{"Settings":{"mode":"Off"}}`: false, `{"settings":{"mode":["Off"]}}`: false,
	} {
		f := newFake(t)
		f.on("GET", vaultURL, ok(vaultJSON(properties)))
		u := f.upgrader(testChange())
		_, err := u.Prepare(t.Context(), testVault(), u.seen(t))
		if (err == nil) != starts {
			t.Errorf("%s starts: %v", properties, err)
		}
	}
}

// TestShapes: a value of the vault's own, and what is null on either side, has any shape; the way to a section has one.
func TestShapes(t *testing.T) {
	t.Parallel()
	body := Same(json.RawMessage(`{"properties":{"a":{"on":true,"days":"{its own}","n":5,"list":["x"],"none":null}}}`))
	c := &Change{Sections: []string{"a", "deep.er"}, Body: body}
	for properties, want := range map[string]string{
		`{"a":{"on":false,"days":14,"n":1.0,"list":[],"none":"x"},"deep":{"er":7}}`: "",
		`{"a":{"days":[1],"on":null},"deep":null,"other":"x"}`:                      "",
		`{"a":{"on":"true"}}`: "a.on is true, a text where true or false was expected",
		`{"a":{"n":"5"}}`:     "a.n is 5, a text where a number was expected",
		`{"a":{"list":{}}}`:   "a.list is {}, an object where a list was expected",
		`{"deep":[1]}`:        "deep is [1], a list where an object was expected",
		`{"deep":{"ER":1}}`:   "deep.er is spelt ER",
	} {
		doc, err := decode([]byte(properties))
		if err != nil {
			t.Fatal(err)
		}
		res := &Resource{document: document{Properties: doc}}
		if got := c.misshapen(nil, &fleet.Vault{}, res); !strings.HasPrefix(got, want) || (want == "") != (got == "") {
			t.Errorf("%s: %q, want %q", properties, got, want)
		}
	}
}
