package test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// actionOf is the Resource Manager action that a request needs, by the
// convention of their names: the namespace behind the last resource group or
// subscription, the types without the names between them, and the verb.
func actionOf(method, path string) string {
	if method != http.MethodGet {
		return method + " " + path
	}
	segments := strings.Split(strings.Trim(path, "/"), "/")[2:] // after the subscription
	types := []string{"Microsoft.Resources", "subscriptions"}
	for len(segments) > 0 {
		switch {
		case strings.EqualFold(segments[0], "resourceGroups"):
			types = append(types, "resourceGroups")
		case segments[0] == "providers" && len(segments) > 2 && types[0] == "Microsoft.Resources":
			types = []string{segments[1]}
		default:
			types = append(types, segments[0])
		}
		segments = segments[min(2, len(segments)):]
	}
	return strings.Join(types, "/") + "/read"
}

// Every call that validating and running a fleet makes to the Resource Manager
// is covered by an action of the printed role, and no action is without a call.
func TestPermissionsAreThoseOfTheCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "one"}).Duration(50 * time.Millisecond)
	w.cloud.AddVault(strictcloud.Vault{Subscription: subB,
		Name: "two"}).Duration(50 * time.Millisecond).Blocked(strictcloud.Reason{Code: "X", Message: "x"})
	w.write(strictcloud.Inventory{})
	var mu sync.Mutex
	var needed []string
	w.gate.on(func(r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/subscriptions/") {
			mu.Lock()
			defer mu.Unlock()
			needed = append(needed, actionOf(r.Method, r.URL.Path))
		}
	}, nil)
	var role struct{ Actions, NotActions, DataActions, AssignableScopes []string }
	if err := json.Unmarshal([]byte(w.start("permissions", w.inv).ends(0).stdout.String()), &role); err != nil {
		t.Fatal(err)
	}
	if len(needed) > 0 {
		t.Errorf("printing the role asked the cloud: %v", needed)
	}
	w.start("validate", w.inv).ends(7)
	w.start("preflight", w.inv).ends(0)
	w.start("run", w.inv, "--yes", "--state", w.db).ends(7)
	slices.Sort(needed)
	needed = slices.Compact(needed)
	slices.Sort(role.Actions)
	if !slices.Equal(needed, role.Actions) {
		t.Errorf("the role has the actions\n%s\nand the calls need\n%s", strings.Join(role.Actions, "\n"),
			strings.Join(needed, "\n"))
	}
	if want := []string{"/subscriptions/" + subB, "/subscriptions/" +
		subA}; !slices.Equal(role.AssignableScopes, want) {
		t.Errorf("the role's scopes are %v, want %v", role.AssignableScopes, want)
	}
	w.judgeSecrets()
}
