package arm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestListIsReadToItsEnd: an empty page is no end, and half a list is none.
func TestListIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	const path = "/list?api-version=1"
	page := func(next string, names ...string) reply {
		items := []string{}
		for _, n := range names {
			items = append(items, fmt.Sprintf(`{"name":%q}`, n))
		}
		return ok(`{"value":[` + strings.Join(items, ",") + `],"nextLink":` + next + `}`)
	}
	type pages map[string]reply
	for name, tt := range map[string]struct {
		pages pages
		want  []string
		err   string
		class fleet.CallClass
	}{
		"one page":          {pages{path: page(`null`, "a", "b")}, []string{"a", "b"}, "", ""},
		"without the field": {pages{path: ok(`{"value":[{"name":"a"}]}`)}, []string{"a"}, "", ""},
		"an empty page": {pages{path: page(`"BASE/list?api-version=1&$skiptoken=x"`),
			"/list?api-version=1&$skiptoken=x": page(`""`, "a")}, []string{"a"}, "", ""},
		"relative, three": {pages{path: page(`"/2"`, "a"), "/2": page(`"/3?x=%20y"`), "/3?x=%20y": page(`null`, "c")},
			[]string{"a", "c"}, "", ""},
		"there is none": {pages{path: refused(404, "ResourceNotFound")}, nil, "", ""},
		"another host's": {pages{path: page(`"https://evil.example/list"`, "a")}, nil, "another host, evil.example",
			fleet.CallGarbled},
		"round and round": {pages{path: page(`"/2"`, "a"), "/2": page(`"/list?api-version=1"`, "b")}, nil,
			"it was read before", fleet.CallGarbled},
		"refused": {pages{path: page(`"/2"`, "a"), "/2": refused(403, "AuthorizationFailed")}, nil,
			"AuthorizationFailed", fleet.CallForbidden},
		"half of it gone": {pages{path: page(`"/2"`, "a"), "/2": refused(404, "ResourceNotFound")}, nil,
			"its next page is not read: it is not there", fleet.CallGarbled},
		"no list": {pages{path: ok(`{"value":{}}`)}, nil, "not the JSON", fleet.CallGarbled},
		"null":    {pages{path: ok(`null`)}, nil, "not the JSON", fleet.CallGarbled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			for uri, r := range tt.pages {
				r.body = strings.ReplaceAll(r.body, "BASE", f.url)
				f.on("GET", uri, r)
			}
			got, err := List[struct {
				Name string `json:"name"`
			}](t.Context(), f.upgrader(testChange()), sub, "read the list", path)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || fleet.ClassOf(err) != tt.class ||
					got != nil {
					t.Errorf("got %v (%s)", err, fleet.ClassOf(err))
				}
				return
			}
			var names []string
			for _, item := range got {
				names = append(names, item.Name)
			}
			if err != nil || !slices.Equal(names, tt.want) {
				t.Errorf("got %v, %v", names, err)
			}
		})
	}
}
