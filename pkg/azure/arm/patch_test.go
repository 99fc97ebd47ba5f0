package arm

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// patchType is the test's type of vaults.
var patchType = VaultType{Name: fleet.RecoveryServicesVault, APIVersion: "2026-07-01"}

// writtenPatch is a patch of two settings and two tags.
var writtenPatch = fleet.Patch{Name: "on", Title: "settings that are on", Type: fleet.RecoveryServicesVault,
	Body: json.RawMessage(`{"properties":{"settings":{"mode":"On","days":"{its own}"}},` +
		`"tags":{"Env":"prod","owner":"ops"}}`),
	Require: []string{"properties.settings.days > `7`", "tags.env != 'frozen'"}, Undo: fleet.PatchUndo{Before: true},
	Actions: []string{"Microsoft.Network/privateEndpoints/read", "microsoft.recoveryservices/VAULTS/write"}}

// patchVault is the vault with tags besides its properties.
func patchVault(properties, tags string) string {
	return strings.TrimSuffix(vaultJSON(properties), "}") + `,"etag":"1","tags":` + tags + `}`
}

// TestPatchedIsSent: what a vault has of its own and its other tags go along, conditions
// are about all that it shows, and what changes is told.
func TestPatchedIsSent(t *testing.T) {
	t.Parallel()
	there, err := Patched(&patchType, writtenPatch)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		what, properties, tags string
		verdict                fleet.Verdict
		found                  string // the findings, joined
		body                   string
	}{
		{"to be changed", asWas, `{"env":"test","cost":"7"}`, fleet.VerdictReady,
			"changes: 3 settings change settings.mode: Off → On tags.Env: test → prod tags.owner: not set → ops",
			`{"properties":{"settings":{"days":14,"mode":"On"}},"tags":{"cost":"7","env":"prod","owner":"ops"}}`},
		{"one leaf", asIs, `{"env":"prod"}`, fleet.VerdictReady, "changes: tags.owner: not set → ops",
			`{"properties":{"settings":{"days":14,"mode":"On"}},"tags":{"env":"prod","owner":"ops"}}`},
		{"without tags", asIs, `null`, fleet.VerdictReady, "changes: 2 settings change tags.Env: not set → prod " +
			"tags.owner: not set → ops",
			`{"properties":{"settings":{"days":14,"mode":"On"}},"tags":{"Env":"prod","owner":"ops"}}`},
		{"as it should be", asIs, `{"ENV":"prod","owner":"ops"}`, fleet.VerdictAlready,
			"already-upgraded: the vault is as the upgrade would make it: nothing is sent", ""},
		{"a tag in other capitals", asIs, `{"ENV":"Prod","owner":"ops"}`, fleet.VerdictReady,
			"changes: tags.Env: Prod → prod",
			`{"properties":{"settings":{"days":14,"mode":"On"}},"tags":{"ENV":"prod","owner":"ops"}}`},
		{"a condition that does not hold", strings.Replace(asWas, "14", "7", 1), `{"env":"frozen"}`,
			fleet.VerdictBlocked, "required: what the patch requires does not hold: properties.settings.days > `7` " +
				"is false required: what the patch requires does not hold: tags.env != 'frozen' is false", ""},
		{"a condition about nothing", `{"settings":{"mode":"Off"},"provisioningState":"Succeeded"}`, `{}`,
			fleet.VerdictBlocked, "required: what the patch requires does not hold: properties.settings.days > `7` " +
				"is not set", ""},
		{"tags of another shape", asWas, `["env"]`, fleet.VerdictBlocked,
			`settings-not-understood: what was read of the vault is not understood: tags is ["env"], a list where an ` +
				"object was expected", ""},
	} {
		f := newFake(t)
		f.on("GET", vaultURL, ok(patchVault(x.properties, x.tags)))
		u := f.upgrader(there)
		v := testVault()
		snap, err := u.Read(t.Context(), sub, []fleet.Followed{{Vault: v}})
		if err != nil {
			t.Fatal(err)
		}
		seen := snap.Vaults[v.Key]
		val := u.Validate(t.Context(), v, seen, true, nil)
		if got := findingsOf(val); val.Verdict != x.verdict || got != x.found {
			t.Errorf("%s: %s\n%s\nwant %s\n%s", x.what, val.Verdict, got, x.verdict, x.found)
		}
		start, err := u.Prepare(t.Context(), v, seen)
		if (err == nil) != (x.body != "") || string(start.Body) != x.body {
			t.Errorf("%s: sent %s, %v, want %s", x.what, start.Body, err, x.body)
		}
	}
}

func findingsOf(val fleet.Validation) string {
	var out []string
	for _, f := range val.Findings {
		out = append(out, strings.Join(append([]string{f.Code + ": " + f.Message}, f.Items...), " "))
	}
	return strings.Join(out, " ")
}

// TestPatchedBack: what was recorded is put back, a tag that was not there is left out,
// and nothing is sent to a vault that somebody has set since.
func TestPatchedBack(t *testing.T) {
	t.Parallel()
	back, err := PatchedBack(&patchType, writtenPatch, fleet.Options{"apiVersion": "2026-07-01"})
	if err != nil {
		t.Fatal(err)
	}
	body, err := back.Spec.Restore(json.RawMessage(
		`{"settings.days":14,"settings.mode":"Off","tags":{"env":"test","cost":"7"}}`))
	const restored = `{"properties":{"settings":{"days":"{its own}","mode":"Off"}},"tags":{"Env":"test","owner":null}}`
	if err != nil || string(body) != restored {
		t.Fatalf("put back is %s, %v", body, err)
	}
	for recorded, want := range map[string]string{
		`{"settings.days":14,"settings.mode":null,"tags":{}}`: "its settings.mode was not set",
		`{"settings.days":14,"settings.mode":"Off"}`:          "of another patch that was called on",
		`{"settings.mode":"Off","tags":{}}`:                   "of another patch that was called on",
		`{"a":1,"settings.mode":"Off","tags":{}}`:             "of another patch that was called on",
		`[]`: "cannot be read",
	} {
		body, err := back.Spec.Restore(json.RawMessage(recorded))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v, want %s", recorded, body, err, want)
		}
	}
	for _, x := range []struct{ what, properties, tags, found, body string }{
		{"as the patch made it", asIs, `{"env":"prod","owner":"ops","cost":"7"}`,
			"changes: 3 settings change settings.mode: on → Off tags.Env: prod → test tags.owner: ops → not set",
			`{"properties":{"settings":{"days":14,"mode":"Off"}},"tags":{"cost":"7","env":"test"}}`},
		{"half as it was", asWas, `{"env":"prod"}`, "changes: tags.Env: prod → test",
			`{"properties":{"settings":{"days":14,"mode":"Off"}},"tags":{"env":"test"}}`},
		{"as it was", asWas, `{"env":"test"}`,
			"already-upgraded: the vault is as the rollback would make it: nothing is sent", ""},
		{"set since", strings.Replace(asIs, "on", "Half", 1), `{"env":"prod","owner":"dev"}`,
			"patch-state: settings.mode is Half, and the patch made it On: somebody has set it since " +
				"patch-state: tags.owner is dev, and the patch made it ops: somebody has set it since", ""},
	} {
		f := newFake(t)
		f.on("GET", vaultURL, ok(patchVault(x.properties, x.tags)))
		u := f.upgrader(back)
		v := testVault()
		v.Restore = body
		snap, err := u.Read(t.Context(), sub, []fleet.Followed{{Vault: v}})
		if err != nil {
			t.Fatal(err)
		}
		seen := snap.Vaults[v.Key]
		if got := findingsOf(u.Validate(t.Context(), v, seen, true, nil)); got != x.found {
			t.Errorf("%s: found\n%s\nwant\n%s", x.what, got, x.found)
		}
		start, err := u.Prepare(t.Context(), v, seen)
		if (err == nil) != (x.body != "") || string(start.Body) != x.body {
			t.Errorf("%s: sent %s, %v, want %s", x.what, start.Body, err, x.body)
		}
	}
}

// TestPatchedSpec: its kind says what a person must know of it.
func TestPatchedSpec(t *testing.T) {
	t.Parallel()
	p := writtenPatch
	p.Undo = fleet.PatchUndo{Permanent: true}
	p.Afterwards = "Tell them."
	c, err := Patched(&patchType, p)
	if err != nil {
		t.Fatal(err)
	}
	options, err := c.Spec.Complete(fleet.Options{"apiVersion": "2026-07-01"})
	if err != nil {
		t.Fatal(err)
	}
	up := c.Spec.Describe(options)
	writes := 0
	for _, a := range up.Actions {
		if strings.EqualFold(a, "Microsoft.RecoveryServices/vaults/write") {
			writes++
		}
	}
	if !up.Permanent || !up.Confirm || up.Patch == nil || up.Patch.Name != "on" || len(up.After) != 1 || writes != 1 ||
		up.Request.Method != http.MethodPatch || string(up.Request.Body) != string(p.Body) ||
		!strings.Contains(strings.Join(up.Actions, " "), "privateEndpoints/read") {
		t.Errorf("it says %+v", up)
	}
	if _, err := c.Spec.Complete(nil); err == nil {
		t.Error("a version of the API is not asked for")
	}
	if _, err := PatchedBack(&patchType, p, nil); err == nil || !strings.Contains(err.Error(), "permanent") {
		t.Errorf("a permanent one is undone: %v", err)
	}
	p.Undo = fleet.PatchUndo{Body: json.RawMessage(`{"properties":{"settings":{"mode":"Off"}}}`)}
	back, err := PatchedBack(&patchType, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := back.Spec.Restore(json.RawMessage(`{"settings.days":14,"settings.mode":null,"tags":null}`))
	if err != nil || string(body) != string(p.Undo.Body) {
		t.Errorf("it is undone by %s, %v", body, err)
	}
}

// TestPatchPermissions: preflight looks for the actions that the inventory names.
func TestPatchPermissions(t *testing.T) {
	t.Parallel()
	there, err := Patched(&patchType, writtenPatch)
	if err != nil {
		t.Fatal(err)
	}
	f := newFake(t)
	f.on("GET", mayURL, ok(`{"value":[{"actions":["Microsoft.RecoveryServices/*","Microsoft.Authorization/*",`+
		`"Microsoft.ResourceGraph/*"],"notActions":[]}]}`))
	var lacks []string
	for _, c := range f.upgrader(there).Preflight(t.Context(), sub, []*fleet.Vault{testVault()}) {
		for _, finding := range c.Findings {
			lacks = append(lacks, finding.Message)
		}
	}
	const want = "the identity lacks permissions on vault contoso-prod/Vault1: Microsoft.Network/privateEndpoints/read"
	if len(lacks) != 1 || lacks[0] != want {
		t.Errorf("found %q, want %q", lacks, want)
	}
}

// FuzzCondition: whatever a condition says of whatever a vault shows, it ends with an answer.
func FuzzCondition(f *testing.F) {
	for _, text := range []string{"properties.a == 'b'", "contains(a, 'x')", "sort_by(a, &b)[0:1:-1]",
		"a[?b > `1`] | [0]", "merge(a, b)", "map(&c, a)", "reverse(a)[::-1]", "{x: a, y: b}", "max_by(a, &b)"} {
		f.Add(text, `{"a":[{"b":1,"c":"x"},{"b":"z"}],"b":null,"properties":{"a":"b"}}`)
		f.Add(text, `{"a":{"x":1},"b":[2]}`)
	}
	f.Fuzz(func(t *testing.T, text, document string) {
		var doc any
		c, err := compile(text)
		if err != nil || json.Unmarshal([]byte(document), &doc) != nil {
			return
		}
		if got, err := c.search(doc); got != nil && err != nil {
			t.Errorf("%s of %s is %v, and %v", text, document, got, err)
		}
	})
}

// TestConditions: what is no JMESPath is refused before anything is asked.
func TestConditions(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{"properties.a == 'b'": true, "contains(name, 'x')": true, "a.[": false,
		"": false, "a == ": false, "a[][][][]": true, "a[][][][][]": false,
		// What a vault has not is null, and unlike everything.
		"properties.a != 'Locked'": true, "properties.a != Locked": false, `properties.a != "Locked"`: false,
		"propertes.a != 'Locked'": false, "properties.a == true": false, "properties.a == `true`": true,
		"properties.days > `7` && !tags.frozen || name == 'it''s'": false, "name == location": true,
		`tags."cost-center" != 'a == b'`: true, "properties.list[?value == code] | length(@) > `0`": true,
		"length(properties.list[0].codes) != zero": false, "properties.list[*].code != `[\"x\"]`": true,
		"starts_with(name, 'rsv-')": true, "!contains(keys(properties), 'state')": true,
		"name == '" + strings.Repeat("x", 291) + "'": false} {
		if err := CheckCondition(text); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
	p := writtenPatch
	p.Require = []string{"a.["}
	if _, err := Patched(&patchType, p); err == nil {
		t.Error("a condition that is none is made")
	}
	p = writtenPatch
	p.Body = json.RawMessage(`[]`)
	if _, err := Patched(&patchType, p); err == nil {
		t.Error("a body that is none is made")
	}
}
