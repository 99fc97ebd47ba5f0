package inventory_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/inventory"
)

// handwritten is an inventory with what a re-encoder would not keep.
const handwritten = `# ours
apiVersion:   "fleetup/v1"
cloud: AzurePublic   # production!
defaults: {location: West US,   resourceType: BackupVault, targetResourceGroup: rg-vaults}

subscriptions:
# the first
- id:   {PROD}
  name: 'prod'
  vaults:

    -   name: "alpha"     # ask Ann
        hold: >-
          legal freeze
          # until Monday
    # between
    - {name: beta, location: East US}

  # before labels
  labels: {env: prod}

- id: {DEV}
  vaults: []   # none yet
  # the end
waves:
  - name: all
`

func text(s string) string { return strings.NewReplacer("{PROD}", prodID, "{DEV}", devID).Replace(s) }

func summary(c *inventory.Changes) string {
	return fmt.Sprintf("+%v -%v =%v %d/%d out %d", c.Added, c.Vanished, c.Back, c.Unchanged, c.Gone, c.LeftOut)
}

// TestUpdateWithoutChanges: an inventory that is up to date stays byte for
// byte, in every line ending, whatever its layout.
func TestUpdateWithoutChanges(t *testing.T) {
	t.Parallel()
	for _, in := range []string{text(handwritten), strings.ReplaceAll(text(handwritten), "\n", "\r\n"),
		"\uFEFF" + strings.TrimSuffix(text(handwritten), "\n")} {
		out, changes, err := inventory.Update("f.yaml", []byte(in),
			found("", sub(prodID, "", vault("BETA", "eastus"), vault("Alpha", "West US")), sub(devID, "")))
		if err != nil || string(out) != in {
			t.Errorf("%v, changed to\n%s", err, out)
		} else if s := summary(changes); s != "+[] -[] =[] 2/0 out 0" {
			t.Error(s)
		}
	}
}

// TestUpdate: new vaults and subscriptions are appended, vaults that are gone
// are marked; every other byte stays, and a second run changes nothing.
func TestUpdate(t *testing.T) {
	t.Parallel()
	f := func() *inventory.Found {
		return found("", sub(prodID, "", vault("alpha", "West US"), vault("NO", "West US"),
			vault("gamma", "East US", "asr", "its last upgrade failed"), vault("done", "West US", "!upgraded")),
			sub(devID, "", vault("d1", "West US")),
			sub(newID, "new one", vault("n1", "West US"), vault("bad", "West US", "!upgraded")))
	}
	for _, eol := range []string{"\n", "\r\n"} {
		in := strings.ReplaceAll(text(handwritten), "\n", eol)
		want := strings.NewReplacer(
			"    - {name: beta, location: East US}\n",
			"    - {name: beta, location: East US}  # not found in Azure on 2026-11-26\n"+
				"    - name: \"NO\"\n    - name: gamma  # its last upgrade failed\n      location: East US\n      "+
				"resourceType: HyperVRecoveryManagerVault\n",
			"vaults: []   # none yet\n",
			"vaults:   # none yet\n    - name: d1\n- id: "+newID+
				"\n  name: new one\n  vaults:\n    - name: n1\n    # left out: \"bad\" (West US, BackupVault): "+
				"upgraded\n").Replace(text(handwritten))
		want = strings.ReplaceAll(want, "\n", eol)
		out, changes, err := inventory.Update("f.yaml", []byte(in), f())
		if err != nil {
			t.Fatal(err)
		}
		if string(out) != want {
			t.Errorf("got\n%s", out)
		}
		if s := summary(changes); s != "+[prod/NO prod/gamma "+devID+"/d1 new one/n1] -[prod/beta] =[] 1/0 out 2" {
			t.Error(s)
		}
		if _, err := inventory.Parse("f.yaml", out, now); err != nil {
			t.Error(err)
		}
		again, changes, err := inventory.Update("f.yaml", out, f())
		if err != nil || !bytes.Equal(again, out) {
			t.Errorf("a second run: %v\n%s", err, again)
		}
		if s := summary(changes); s != "+[] -[] =[] 6/1 out 2" {
			t.Error(s)
		}
		// A vault that is back loses its mark, and nothing else.
		back := f()
		back.Subscriptions[0].Vaults = append(back.Subscriptions[0].Vaults, vault("beta", "East US"))
		out, changes, err = inventory.Update("f.yaml", out, back)
		if err != nil || string(out) != strings.ReplaceAll(want, "  # not found in Azure on 2026-11-26", "") {
			t.Errorf("back: %v\n%s", err, out)
		}
		if s := summary(changes); s != "+[] -[] =[prod/beta] 5/0 out 2" {
			t.Error(s)
		}
	}
}

// TestUpdateLayouts: the layouts that YAML allows, and those where a person
// must do it.
func TestUpdateLayouts(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: fleetup/v1\ncloud: AzurePublic\ndefaults: {location: West US, resourceType: " +
		"BackupVault, targetResourceGroup: rg}\n"
	for name, x := range map[string]struct{ in, want, note string }{
		"flow lists": {"subscriptions: [{id: {PROD}, vaults: [{name: gone}]}]\n",
			"subscriptions: [{id: {PROD}, vaults: [{name: gone}, {name: new}]}]  # not found in Azure on 2026-11-26\n",
			""},
		"flow over lines": {"subscriptions:\n  - id: {PROD}\n    vaults: [ # it's [here]\n      {name: 'its)(', " +
			"location: \"]\\\"\"},\n      {name: gone},\n    ]\nwaves: [{name: all}]\n",
			"subscriptions:\n  - id: {PROD}\n    vaults: [ # it's [here]\n      {name: 'its)(', location: " +
				"\"]\\\"\"},  # not found in Azure on 2026-11-26\n      {name: gone},  # not found in Azure on " +
				"2026-11-26\n    {name: new}]\nwaves: [{name: all}]\n", ""},
		"two on a line": {"subscriptions:\n  - id: {PROD}\n    vaults: [{name: gone}, {name: gone2}]\n",
			"subscriptions:\n  - id: {PROD}\n    vaults: [{name: gone}, {name: gone2}, {name: new}]\n",
			`f.yaml:6:14: vault "` + prodID + `/gone" is not in Azure`},
		"a name over lines": {"subscriptions:\n- id: {PROD}\n  vaults:\n  - name: \"gone\\\n      away\"\n",
			"subscriptions:\n- id: {PROD}\n  vaults:\n  - name: \"gone\\\n      away\"\n  - name: new\n",
			"has no line of its own"},
		"no end of line": {"subscriptions:\n- id: {PROD}\n  vaults:\n  - name: gone",
			"subscriptions:\n- id: {PROD}\n  vaults:\n  - name: gone  # not found in Azure on 2026-11-26\n  - name: " +
				"new\n", ""},
		"verbatim text": {"subscriptions:\n- id: {PROD}\n  vaults:\n  - name: gone\n    hold: >-\n      a\n      # " +
			"b\n# end\n",
			"subscriptions:\n- id: {PROD}\n  vaults:\n  - name: gone  # not found in Azure on 2026-11-26\n    hold: " +
				">-\n      a\n      # b\n  - name: new\n# end\n", ""},
		"an alias": {"subscriptions:\n- id: {DEV}\n  vaults: &v\n  - name: gone\n- id: {PROD}\n  vaults: *v\n",
			"subscriptions:\n- id: {DEV}\n  vaults: &v\n  - name: gone\n- id: {PROD}\n  vaults: *v\n",
			"has no line of its own"},
		"JSON": {`{"subscriptions": 0}`, "", "-"},
		"an end of document": {"subscriptions:\n- id: {PROD}\n  vaults:\n  - name: gone\n...\n",
			"subscriptions:\n- id: {PROD}\n  vaults:\n  - name: gone  # not found in Azure on 2026-11-26\n  - name: " +
				"new\n...\n", ""},
		"quoted mark": {"subscriptions:\n- id: {PROD}\n  vaults:\n  - name: new\n    labels: {x: \"y # not found " +
			"in Azure on 2026-11-25\"}\n", "same", ""},
		"rerun of a mark": {"subscriptions:\n- id: {PROD}\n  vaults:\n  - name: gone # mine # not found in Azure on " +
			"2020-01-01\n  - name: new # mine # not found in Azure on 2020-01-01 \n",
			"subscriptions:\n- id: {PROD}\n  vaults:\n  - name: gone # mine # not found in Azure on 2020-01-01\n  - " +
				"name: new # mine\n", ""},
	} {
		in := head + text(x.in)
		if name == "JSON" {
			in =
				`{"apiVersion": "fleetup/v1", "cloud": "AzurePublic", "defaults": {"location": "West US", "resourceType": "BackupVault", "targetResourceGroup": "rg"}, "subscriptions": [{"id": "` + prodID + `", "vaults": []}]}`
			x.want, x.note = "", ""
		}
		f := found("", sub(prodID, "", vault("new", "West US")))
		out, changes, err := inventory.Update("f.yaml", []byte(in), f)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := head + text(x.want)
		switch {
		case x.want == "same":
			want = in
		case name == "JSON":
			want = strings.Replace(in, `"vaults": []`, `"vaults": [{name: new}]`, 1)
		}
		if string(out) != want {
			t.Errorf("%s: got\n%s", name, out)
		}
		if got := strings.Join(changes.Notes, "\n"); x.note == "" && got != "" || !strings.Contains(got, x.note) {
			t.Errorf("%s: notes %s", name, got)
		}
	}
}

// TestUpdateGroups: a new vault gets the group that the inventory or the caller
// gives it, and else a placeholder; an update again is no mistake then.
func TestUpdateGroups(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: fleetup/v1\ncloud: AzurePublic\n"
	const tail = "subscriptions:\n- id: " + prodID +
		"\n  vaults:\n  - {name: old, location: West US, resourceType: BackupVault, targetResourceGroup: rg-1}\n"
	for defaults, want := range map[string]string{
		"":        `targetResourceGroup: "<target resource group>"`,
		"|rg-new": `targetResourceGroup: rg-new`,
		"defaults: {targetResourceGroup: rg-1}\n":                                            ``,
		"defaults: {targetResourceGroup: rg-1}\n|rg-new":                                     `targetResourceGroup: rg-new`,
		"defaults: {targetResourceGroup: \"<target resource group>\"}\n":                     ``,
		"rules: [{match: {subscription: " + prodID + "}, set: {targetResourceGroup: rg}}]\n": ``,
		"# rg-1, the same\n|rg-1":                                                            `targetResourceGroup: "<target resource group>"  # another vault`,
	} {
		defaults, group, _ := strings.Cut(defaults, "|")
		name := "new"
		if strings.Contains(defaults, "same") {
			name = "OLD"
		}
		in := head + defaults + tail
		f := func() *inventory.Found {
			return found(group, sub(prodID, "", vault("old", "West US"), vault(name, "East US")))
		}
		out, _, err := inventory.Update("f.yaml", []byte(in), f())
		if err != nil {
			t.Errorf("%q: %v", defaults, err)
			continue
		}
		added := strings.TrimPrefix(string(out), in)
		if got := regexp.MustCompile(`targetResource.*`).FindString(added); !strings.HasPrefix(got, want) ||
			want == "" && got != "" || !strings.Contains(added,
			"  - name: "+name+"\n    location: East US\n    resourceType: BackupVault\n") {
			t.Errorf("%q: added\n%s", defaults, added)
		}
		if again, _, err := inventory.Update("f.yaml", out, f()); err != nil || !bytes.Equal(again, out) {
			t.Errorf("%q again: %v", defaults, err)
		}
	}
}

// TestUpdateWithIncludes: included files are compared and never changed; what
// stands there and must be changed is told with its place.
func TestUpdateWithIncludes(t *testing.T) {
	t.Parallel()
	path := write(t, "fleet.yaml",
		"apiVersion: fleetup/v1\ncloud: AzurePublic\ndefaults: {location: West US, resourceType: BackupVault, "+
			"targetResourceGroup: rg}\ninclude: [a.yaml, b.csv]\n",
		"a.yaml", "apiVersion: fleetup/v1\nsubscriptions:\n- id: "+prodID+
			"\n  name: prod\n  vaults:\n  - name: gone\n  - name: here\n",
		"b.csv", "subscription,name\n"+devID+",d1\n")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out, changes, err := inventory.Update(path, data,
		found("", sub(prodID, "", vault("here", "West US"), vault("more", "West US")),
			sub(devID, "", vault("d1", "West US"), vault("d2", "West US"))))
	if err != nil {
		t.Fatal(err)
	}
	if want := string(data) + "subscriptions:\n  - id: " + devID +
		"\n    vaults:\n      - name: d2\n"; string(out) != want {
		t.Errorf("got\n%s", out)
	}
	a := filepath.Join(filepath.Dir(path), "a.yaml")
	notes := strings.Join(changes.Notes, "\n")
	if !strings.Contains(notes, a+`:6:5: vault "prod/gone" is not in Azure`) ||
		!strings.Contains(notes,
			a+
				`:3:3: new in Azure and not added to subscription "prod", whose list is no list of its own in the inventory: 1 vault: "more"`) || len(changes.Notes) != 2 {
		t.Errorf("notes\n%s", notes)
	}
	if s := summary(changes); s != "+["+devID+"/d2] -[] =[] 3/1 out 0" {
		t.Error(s)
	}
	if err := os.WriteFile(path, out, 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := inventory.Load(path, now); err != nil || len(p.Vaults) != 4 {
		t.Errorf("%v", err)
	}
}

// TestUpdateDoubtsItself: where the changed text would not read as what was
// meant, nothing is changed.
func TestUpdateDoubtsItself(t *testing.T) {
	t.Parallel()
	path := write(t, "fleet.yaml", "apiVersion: fleetup/v1\ncloud: AzurePublic\ninclude: [b.csv]\n...\n",
		"b.csv", "subscription,name,location,resourceType,targetResourceGroup\n"+devID+",d1,West US,BackupVault,rg\n")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := inventory.Update(path, data,
		found("rg", sub(devID, "", vault("d1", "West US"), vault("d2", "West US"))))
	if out != nil || err == nil || !strings.Contains(err.Error(), "cannot be updated safely, and nothing was: ") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestUpdateLeavesUnreadAlone: what was not read is neither gone nor there.
func TestUpdateLeavesUnreadAlone(t *testing.T) {
	t.Parallel()
	in := []byte(text(handwritten))
	out, changes, err := inventory.Update("f.yaml", in,
		found("", inventory.FoundSubscription{ID: prodID, Unread: "no"}))
	if err != nil || !bytes.Equal(in, out) || summary(changes) != "+[] -[] =[] 0/0 out 0" {
		t.Errorf("%v %s", err, summary(changes))
	}
	if _, _, err := inventory.Update("f.yaml", []byte("apiVersion: fleetup/v1\ncloud: AzurePublic\nvaults: []\n"),
		found("")); err == nil {
		t.Error("a broken inventory is updated")
	}
}

// FuzzUpdate: no inventory makes it panic. What it changes reads as an
// inventory, a second run changes nothing, and no line is lost: the lines that
// were there are still there in their order, but for marks and empty lists.
func FuzzUpdate(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.yaml", "../../examples/*/fleet.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			if len(data) < 4<<10 { // minimising a large one takes for ever
				f.Add(data, "new", "West US", uint8(3))
			}
		}
	}
	f.Add([]byte(text(handwritten)), "NO", "East US", uint8(1))
	f.Add([]byte(strings.ReplaceAll(text(handwritten), "\n", "\r\n")), "- x", "#", uint8(2))
	f.Add([]byte(strings.ReplaceAll(text(handwritten), "\n", "\r")), "é", "x: y", uint8(0))
	strip := regexp.MustCompile(`[ \t]*# not found in Azure on \d{4}-\d\d-\d\d[ \t]*$|[ \t\[\]{}]`)
	f.Fuzz(func(t *testing.T, data []byte, name, location string, which uint8) {
		fleet := func() *inventory.Found {
			subs := []inventory.FoundSubscription{sub(newID, "a new one", vault(name, location),
				vault("second", "East US"))}
			if which&1 != 0 {
				subs = append(subs, sub(prodID, "", vault(name, location), vault("alpha", "West US")))
			}
			if which&2 != 0 {
				subs = append(subs, sub(devID, "", vault(name, location)))
			}
			return found("rg-new", subs...)
		}
		if bytes.Contains(data, []byte("include")) {
			return // would read files of this machine
		}
		out, _, err := inventory.Update("f.yaml", data, fleet())
		if err != nil {
			return
		}
		again, changes, err := inventory.Update("f.yaml", out, fleet())
		if err != nil {
			t.Fatalf("what it wrote is no inventory: %v\n%s", err, out)
		}
		if !bytes.Equal(again, out) || len(changes.Added)+len(changes.Vanished)+len(changes.Back) > 0 {
			t.Fatalf("a second run changes\n%s\nto\n%s\n%s", out, again, summary(changes))
		}
		lines := regexp.MustCompile(`\r\n|\n|\r`)
		left := lines.Split(string(out), -1)
		for _, line := range lines.Split(string(data), -1) {
			want := strip.ReplaceAllString(line, "")
			for len(left) > 0 && !strings.HasPrefix(strip.ReplaceAllString(left[0], ""), want) &&
				strings.TrimSuffix(want, ",") != "" && !same(strip.ReplaceAllString(left[0], ""), want) {
				left = left[1:]
			}
			if len(left) == 0 {
				t.Fatalf("the line %q is lost in\n%s", line, out)
			}
		}
	})
}

// same reports whether a line is another with entries put into it.
func same(got, want string) bool {
	i := 0
	for i < len(want) && i < len(got) && got[i] == want[i] {
		i++
	}
	return strings.HasSuffix(got, want[i:])
}
