package inventory_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

const (
	prodID = "53a3c692-5283-4f0a-baf6-49412f5ebefe"
	devID  = "8f0c2a51-6d3e-4b7a-9c14-2e5d7f9a1b03"
	newID  = "11111111-1111-4111-8111-111111111111"
)

// vault is a found vault: name, location, and a note or !reason.
func vault(name, location string, more ...string) inventory.FoundVault {
	v := inventory.FoundVault{Vault: fleet.Vault{Name: name, Location: location, ResourceType: fleet.BackupVault}}
	for _, m := range more {
		switch reason, out := strings.CutPrefix(m, "!"); {
		case out:
			v.LeftOut = reason
		case m == "asr":
			v.ResourceType = fleet.SiteRecoveryVault
		default:
			v.Note = m
		}
	}
	return v
}

func found(group string, subscriptions ...inventory.FoundSubscription) *inventory.Found {
	return &inventory.Found{At: time.Date(2026, 11, 26, 4, 34, 0, 0, time.UTC),
		Source: "the classic listing of AzurePublic",
		Cloud:  fleet.Cloud{Name: fleet.AzurePublic}, TargetResourceGroup: group, Subscriptions: subscriptions}
}

func sub(id, name string, vaults ...inventory.FoundVault) inventory.FoundSubscription {
	return inventory.FoundSubscription{ID: id, Name: name, Vaults: vaults}
}

// TestWriteGolden: a found fleet as people get to see it.
func TestWriteGolden(t *testing.T) {
	t.Parallel()
	f := found("rg-vaults",
		sub(prodID, "contoso prod",
			vault("Zeta", "West US"), vault("alpha", "East US"), vault("NO", "West US"), vault("3.7", "westus"),
			vault("- x", "West US"),
			vault("a: b # c", "West US"), vault("~", "West US"), vault("sr", "West US", "asr"),
			vault("Failed", "West US", "its last upgrade failed"),
			vault("old", "West US", "!upgraded already, started 2026-11-01"), vault("evil\n- name: x", "West US"),
			vault("a/b", "West US"), vault("ALPHA", "West US")),
		sub(devID, "", vault("gone", "West US", "!its upgrade is under way")),
		inventory.FoundSubscription{ID: newID, Unread: "AuthenticationFailed:\nno", Tenant: "contoso.example"})
	f.Credentials.ServiceManagement = fleet.CredentialCLI
	f.Sort()
	got := inventory.Write(f)
	const file = "testdata/found.yaml"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("got\n%s", got)
	}
	var problems *inventory.Problems
	if _, err := inventory.Parse("f.yaml", got, now); !errors.As(err, &problems) || len(problems.List) != 1 ||
		!strings.Contains(problems.List[0].Message, "targetResourceGroup is still to be written") {
		t.Errorf("two vaults of one name in one group: %v", err)
	}
}

// TestMissingGroupIsRefused: without a target group what is written says so at
// one place, however many vaults there are; with one it makes a plan.
func TestMissingGroupIsRefused(t *testing.T) {
	t.Parallel()
	var vaults []inventory.FoundVault
	for i := range 50 {
		vaults = append(vaults, vault(fmt.Sprintf("v%d", i), "West US"))
	}
	text := inventory.Write(found("", sub(prodID, "prod", vaults...)))
	_, err := inventory.Parse("f.yaml", text, now)
	if err == nil ||
		err.Error() != "f.yaml:9:24: targetResourceGroup is still to be written here; the group must exist, or "+
			"createResourceGroup: true must be said" {
		t.Errorf("it says %v of\n%s", err, text)
	}
	if p, err := inventory.Parse("f.yaml", inventory.Write(found("rg-{location}", sub(prodID, "prod", vaults...))),
		now); err != nil || len(p.Vaults) != 50 ||
		p.Vaults[7].TargetResourceGroup != "rg-westus" {
		t.Errorf("with a template: %v", err)
	}
}

// hostileName draws what a cloud might call a vault.
func hostileName(t *rapid.T, label string) string {
	return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"NO", "yes", "3.7", "1e3", "0x1f", "- x", "? y",
		": z", "a: b", "a #b", "#", "~", "null",
		"2026-11-26", "[x", "{y}", "'", "\"", "\\", "`a", "@b", "%c", "&d", "*e", "!f", "|", ">", "a\u00a0b", "\ufeffx",
		"x\u2028y", "<<", "=", " x", "x ", "é\U0001F600",
		"\xff", "a\tb", "a\rb", strings.Repeat("x", 400), "..", "a/b", "\ue000", "\ufffe", "\U000E0001"}),
		rapid.StringMatching(`[-a-zA-Z0-9 _.:#'"{}\[\],&*!|>%@]{1,12}`)).Draw(t, label)
}

// TestWrittenIsRead: what is written reads as the same vaults; what cannot be
// written is left out, and never another vault.
func TestWrittenIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := found("rg-{name}")
		seen := map[fleet.Key]bool{}
		for i, id := range []string{prodID, devID} {
			s := sub(id, rapid.SampledFrom([]string{"", "a b", "NO", "it's: #1"}).Draw(t, "name")+fmt.Sprint(i))
			for range rapid.IntRange(0, 6).Draw(t, "vaults") {
				v := vault(hostileName(t, "vault"),
					rapid.OneOf(rapid.SampledFrom([]string{"West US", "westus", "East US", "on"}),
						rapid.Custom(func(t *rapid.T) string { return hostileName(t, "l") })).Draw(t, "location"),
					hostileName(t, "note"))
				v.TargetResourceGroup = rapid.SampledFrom([]string{"", "rg-1", "rg-{location}"}).Draw(t, "group")
				if rapid.Bool().Draw(t, "labelled") {
					v.Labels = map[string]string{"a": "NO", "b-c": "x: y"}
				}
				if key := fleet.KeyOf(fleet.KindClassic, id, v.ResourceType, v.Location, v.Name); !seen[key] {
					seen[key] = true
					s.Vaults = append(s.Vaults, v)
				}
			}
			f.Subscriptions = append(f.Subscriptions, s)
		}
		// A group of its own for each, so that only names are judged.
		for i := range f.Subscriptions {
			for j := range f.Subscriptions[i].Vaults {
				f.Subscriptions[i].Vaults[j].TargetResourceGroup = fmt.Sprintf("rg-%d", j)
			}
		}
		text := inventory.Write(f)
		p, err := inventory.Parse("f.yaml", text, now)
		in, _ := f.Vaults()
		if in == 0 {
			return // an empty fleet makes no plan
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if len(p.Vaults) != in {
			t.Fatalf("%d vaults, want %d\n%s", len(p.Vaults), in, text)
		}
		k := 0
		for _, s := range f.Subscriptions {
			for i := range s.Vaults {
				v := &s.Vaults[i]
				if v.LeftOut != "" {
					continue
				}
				checkSame(t, &p.Vaults[k], s.ID, v)
				k++
			}
		}
	})
}

func checkSame(t *rapid.T, got *plan.Vault, id string, want *inventory.FoundVault) {
	if got.Name != want.Name || fleet.NormalizeLocation(got.Location) != fleet.NormalizeLocation(want.Location) ||
		got.ResourceType != want.ResourceType ||
		got.SubscriptionID != id || got.TargetResourceGroup != want.TargetResourceGroup ||
		len(got.Labels) != len(want.Labels) {
		t.Fatalf("read %+v, written %+v", got.Vault, want.Vault)
	}
}

// TestReadTable: a table in the forms that spreadsheets write makes a fleet.
func TestReadTable(t *testing.T) {
	t.Parallel()
	for name, table := range map[string]string{
		"comma":     "subscription,name,location,resourceType,targetResourceGroup,protectedItems,labels.env\nprod,\"A(b)\",West US,BackupVault,rg-1,7,live\n" + devID + ",NO,East US,BackupVault,,,\n",
		"semicolon": "subscription;name;location;resourceType;targetResourceGroup;protectedItems;labels.env\r\nPROD;\"A(b)\";West US;BackupVault;rg-1;7;live\r\n" + devID + ";NO;East US;BackupVault;;;\r\n",
		"tab":       "subscription\tname\tlocation\tresourceType\ttargetResourceGroup\tprotectedItems\tlabels.env\nprod\tA(b)\tWest US\tBackupVault\trg-1\t7\tlive\n" + devID + "\tNO\tEast US\tBackupVault\t\t\t\n",
		"excel":     "\uFEFFsep=;\r\nsubscription;name;location;resourceType;targetResourceGroup;protectedItems;labels.env\r\nprod;\"A(b)\";West US;BackupVault;rg-1;7;live\r\n" + devID + ";NO;East US;BackupVault;;;\r\n",
	} {
		f := found("rg-vaults", sub(prodID, "prod"), sub(newID, "unused"))
		if err := inventory.ReadTable("t.csv", []byte(table), f); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		p, err := inventory.Parse("f.yaml", inventory.Write(f), now)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for i := range p.Vaults {
			v := &p.Vaults[i]
			got = append(got, fmt.Sprintf("%s %s %s %s %d %v", v.Ref(), v.Location, v.ResourceType,
				v.TargetResourceGroup, v.ProtectedItems, v.Labels))
		}
		if want := "prod/A(b) West US BackupVault rg-1 7 map[env:live]|" + devID +
			"/NO East US BackupVault rg-vaults 0 map[]"; strings.Join(got, "|") != want {
			t.Errorf("%s: got %s", name, strings.Join(got, "|"))
		}
	}
}

// TestTableMistakes: all mistakes of a table come together, with their places
// in the table and not in what would be written.
func TestTableMistakes(t *testing.T) {
	t.Parallel()
	for table, want := range map[string]string{
		"subscription;name;loction;label:env\n": `t.csv:1:19: unknown column "loction"; did you mean "location"?
t.csv:1:27: unknown column "label:env"; known here: subscription, name, location, resourceType, targetResourceGroup, protectedItems, labels.NAME`,
		"sep=;\nsubscription;name;location;resourceType\nprod;a;West " +
			"US;BackupVault\nprod;A;westus;BackupVault\ndev;b;West US;Backup\nprod;c;;BackupVault\n": `t.csv:4:1: vault "prod/A" is listed twice; first at t.csv:3:1; remove one of the two (capitals and small letters are the same here)
t.csv:5:1: no subscription is named "dev"; list it under subscriptions with its id, or give its ID here
t.csv:6:1: vault "prod/c" has no location; add location here, or to defaults for all`,
		"": "t.csv:1:1: the table is empty; begin with " +
			"subscription,name,location,resourceType,targetResourceGroup,protectedItems",
	} {
		err := inventory.ReadTable("t.csv", []byte(table), found("rg", sub(prodID, "prod")))
		if err == nil || err.Error() != want {
			t.Errorf("%q gives\n%v\nwant\n%s", table, err, want)
		}
	}
}
