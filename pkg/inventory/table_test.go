package inventory_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
)

// inUTF16 stores a text as PowerShell's > and Excel's "Unicode Text" do.
func inUTF16(order binary.AppendByteOrder, s string) string {
	out := order.AppendUint16(nil, 0xFEFF)
	for _, u := range utf16.Encode([]rune(s)) {
		out = order.AppendUint16(out, u)
	}
	return string(out)
}

// TestTablesThatPeopleBring: the same two vaults come out of a table in every
// shape that spreadsheets and shells give it.
func TestTablesThatPeopleBring(t *testing.T) {
	t.Parallel()
	const id = "11111111-1111-4111-8111-111111111111"
	head := "subscription,name,location,resourceType,targetResourceGroup,protectedItems,labels.owner\n"
	rows := []string{id + `,A,West US,BackupVault,rg-a,40,Team A` + "\n",
		id + `,B,West US,BackupVault,FORMACIÓN,,"Müller, Anna"` + "\n"}
	plain := head + rows[0] + rows[1]
	with := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(plain) }
	semi := strings.ReplaceAll(with("Müller, Anna", "Müller# Anna"), ",", ";")
	semi = strings.ReplaceAll(semi, "Müller#", "Müller,")
	tabs := strings.ReplaceAll(semi, ";", "\t")
	for what, text := range map[string]string{
		"plain": plain, "CRLF": with("\n", "\r\n"), "CR alone": with("\n", "\r"),
		"no line end": strings.TrimSpace(plain), "mark": "\uFEFF" + plain,
		"semicolons": semi, "tabs": tabs, "sep=": "sep=;\r\n" + semi, "mark and sep=": "\uFEFFsep=;\r\n" + semi,
		"UTF-16LE": inUTF16(binary.LittleEndian, tabs), "UTF-16BE": inUTF16(binary.BigEndian, plain),
		"UTF-16LE with sep=":  inUTF16(binary.LittleEndian, "sep=;\r\n"+semi),
		"trailing separators": with("\n", ",,\n") + ",,,,,,,,\n,,,,,,,,\n",
		"of the header alone": strings.Replace(plain, "\n", ",,\n", 1),
		"of the rows alone":   head + strings.TrimSpace(rows[0]) + ",,\n" + rows[1],
		"empty rows": "\n,,,,,,\n" + head + ",,,,,,\n" + rows[0] + "\n \t\n , ,,,,,\n\u00a0,,,,,,\n" +
			rows[1],
		"an empty column": strings.Replace(with("resourceType,", ",resourceType,", ",BackupVault,",
			",,BackupVault,"), ",,resourceType", ",,resourceType", 1),
		"a quoted empty row": plain + "\"\",\"\",,,,,\"\"\n",
		"capitals and spaces": strings.Replace(plain, head,
			" Subscription ,NAME,Location,resourcetype,TargetResourceGroup,protecteditems, Labels.owner\n", 1),
		"spaces round the cells": with(",A,", ", A ,", ",rg-a,", ",  rg-a,"),
		"quotes round every cell": strings.ReplaceAll(with("Müller, Anna", "Müller# Anna", `"`, ``, ",", `","`, "\n",
			"\"\n\"", id, id), "#", ","),
		"old Mac with empty rows":   with("\n", "\r") + ",,,,,,\r\r",
		"UTF-16LE with empty rows ": inUTF16(binary.LittleEndian, tabs+"\t\t\t\t\t\t\r\n\r\n"),
	} {
		if what == "quotes round every cell" {
			text = `"` + strings.TrimSuffix(text, `"`)
		}
		f := &inventory.Found{At: now, Cloud: fleet.Cloud{Name: fleet.AzurePublic}}
		if err := inventory.ReadTable("t.csv", []byte(text), f); err != nil {
			t.Errorf("%s: %v\n%q", what, err, text)
			continue
		}
		got := ""
		for _, v := range f.Subscriptions[0].Vaults {
			got += fmt.Sprintf("%s %s %s %d %s;", v.Name, v.Location, v.TargetResourceGroup, v.ProtectedItems,
				v.Labels["owner"])
		}
		if got != "A West US rg-a 40 Team A;B West US FORMACIÓN 0 Müller, Anna;" {
			t.Errorf("%s: %s", what, got)
		}
		// Every vault says its group, so nothing is left to be written.
		if out := string(inventory.Write(f)); strings.Contains(out, inventory.Placeholder) {
			t.Errorf("%s: a placeholder that nothing uses:\n%s", what, out)
		} else if _, err := inventory.Parse("out.yaml", []byte(out), now); err != nil {
			t.Errorf("%s: %v\n%s", what, err, out)
		}
	}
}

// TestTablesToBeMended: what cannot be read is told with its place, in
// characters, and what to do.
func TestTablesToBeMended(t *testing.T) {
	t.Parallel()
	const head = "subscription,name,location,resourceType,targetResourceGroup\n"
	const id = "11111111-1111-4111-8111-111111111111"
	for text, want := range map[string]string{
		head + id +
			",A,West US,BackupVault,rg,more\n": "t.csv:2:63: this cell is in a column without a name; name its " +
			"column in the first row, or empty it",
		head + id +
			",ÄÖÜ,\u200bWest US,BackupVault,rg\n": `t.csv:2:42: location "\u200bWest US" holds the control character U+200B; remove it`,
		head + id +
			",A\u00a0,West US,BackupVault,rg\n": `t.csv:2:38: a vault's name "A\u00a0" begins or ends with the space U+00A0; remove it`,
		head + id +
			",\u3000A,West US,BackupVault,rg\n": `t.csv:2:38: a vault's name "\u3000A" begins or ends with the space U+3000; remove it`,
		head + id +
			",A,West US\n": "t.csv:2:1: this row has 3 fields, and the first has 5; check its separators and quotes",
		head + id +
			",M\xfcller,West US,BackupVault,rg\n": `t.csv:2:39: the file is not valid UTF-8: byte 0xfc (in Windows-1252: ü); save it as UTF-8; Excel calls that "CSV UTF-8"`,
		head + id +
			",A\x80,West US,BackupVault,rg\n": `t.csv:2:39: the file is not valid UTF-8: byte 0x80 (in Windows-1252: €); save it as UTF-8; Excel calls that "CSV UTF-8"`,
		head + id +
			",A\x81,West US,BackupVault,rg\n": `t.csv:2:39: the file is not valid UTF-8: byte 0x81; save it as UTF-8; Excel calls that "CSV UTF-8"`,
		"\xff\xfea": "t.csv:1:1: this table cannot be read: it is neither UTF-8 nor whole UTF-16; save it as UTF-8",
		",,,\n\n": "t.csv:1:1: the table is empty; begin with " +
			"subscription,name,location,resourceType,targetResourceGroup,protectedItems",
		head + id +
			",\"A\nB\",West US,BackupVault,rg\n": `t.csv:2:38: a vault's name "A\nB" holds the control character U+000A; remove it`,
		head + id +
			",é,ü,\"Ba\"ckupVault,rg\n": `t.csv:2:45: this is not valid CSV: extraneous or missing " in quoted-field; check the quotes`,
		strings.Replace(head, "name,", "name,,", 1) + id +
			",A,x,W,BackupVault,rg\n": "t.csv:2:40: this cell is in a column without a name; name its column in the " +
			"first row, or empty it",
	} {
		err := inventory.ReadTable("t.csv", []byte(text), &inventory.Found{At: now})
		var problems *inventory.Problems
		if !errors.As(err, &problems) || problems.List[0].String() != want {
			t.Errorf("%q:\n%v\nwant\n%s", text, err, want)
		}
	}
}

// TestInventoriesInUTF16: an inventory and what it includes may be stored as
// Windows stores text.
func TestInventoriesInUTF16(t *testing.T) {
	t.Parallel()
	main := "apiVersion: fleetup/v1\r\ncloud: Emulator\r\ndefaults: {location: West US, resourceType: BackupVault, " +
		"targetResourceGroup: 备份资源组}\r\ninclude: [a.yaml, b.csv]\r\n"
	path := write(t, "fleet.yaml", inUTF16(binary.LittleEndian, main),
		"a.yaml", inUTF16(binary.BigEndian,
			"subscriptions:\r\n  - {id: 11111111-1111-4111-8111-111111111111, name: prod, vaults: [{name: a}]}\r\n"),
		"b.csv", inUTF16(binary.LittleEndian, "subscription\tname\r\nprod\tb\r\n"))
	p, err := inventory.Load(path, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Vaults) != 2 || p.Vaults[1].TargetResourceGroup != "备份资源组" {
		t.Errorf("%+v", p.Vaults)
	}
}

// TestIncludesStayAtHome: a link out of the inventory's folder is not followed,
// whatever is a link on the way; one that stays in it is.
func TestIncludesStayAtHome(t *testing.T) {
	t.Parallel()
	const part = "subscriptions: [{id: 11111111-1111-4111-8111-111111111111, name: prod, vaults: [{name: a}]}]\n"
	const secret = "password=hunter2\n"
	head := "apiVersion: fleetup/v1\ncloud: Emulator\ndefaults: {location: West US, resourceType: BackupVault, " +
		"targetResourceGroup: rg}\ninclude: [%q]\n"
	top := filepath.Dir(write(t, "secret.yaml", secret, "secret.csv", secret, "part.yaml", part, "there/part.yaml",
		part, "fleet/facts/part.yaml", part))
	dir := filepath.Join(top, "fleet")
	for name, to := range map[string]string{"link.yaml": "../secret.yaml", "link.csv": "../secret.csv",
		"absolute.yaml": filepath.Join(top, "secret.yaml"),
		"away":          "../there", "home.yaml": "facts/part.yaml", "whole.yaml": "../part.yaml"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skip(err) // a machine without symbolic links
		}
	}
	if err := os.Symlink("../secret.yaml", filepath.Join(top, "there", "link.yaml")); err != nil {
		t.Fatal(err)
	}
	const outside = "is a link to a file outside of the folder"
	for pattern, want := range map[string]string{
		"facts/*.yaml": "", "home.yaml": "", "../part.yaml": "", "../there/part.yaml": "",
		filepath.Join(top, "part.yaml"): "",
		"link.yaml":                     outside, "link.csv": outside, "absolute.yaml": outside, "whole.yaml": outside,
		"away/part.yaml": outside, "a*/part.yaml": outside,
		// below the folder that is named
		"../there/link.yaml": outside, "../th*/link.yaml": "this is not a file to include: it has no subscriptions",
		"fact*": "is not a regular file", "../secret.yaml": "this is not a file to include",
		"../secret.csv": "this is not a table of vaults",
	} {
		path := filepath.Join(dir, "fleet.yaml")
		if err := os.WriteFile(path, fmt.Appendf(nil, head, pattern), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := inventory.Load(path, now)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", pattern, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: quotes what it could not read: %v", pattern, err)
		}
	}
}

// TestIncludesQuoteNothingForeign: what is no included file is told without a
// word of it.
func TestIncludesQuoteNothingForeign(t *testing.T) {
	t.Parallel()
	head := "apiVersion: fleetup/v1\ncloud: Emulator\ninclude: [x.yaml, x.csv]\n"
	for _, secret := range []string{"s3cr3t", "s3cr3t: x", "s3cr3t=x;y", "- s3cr3t", "[s3cr3t", "{s3cr3t: 1}",
		"*s3cr3t", "s3cr3t: *s3cr3t", "a: b: s3cr3t", "\"s3cr3t", "s3cr3t,\"x\"y", "%s3cr3t", "!s3cr3t x",
		"key: \"\\qs3cr3t\"", "@s3cr3t", "s3cr3t: 1\ns3cr3t: 2",
		"root:s3cr3t:0:0\nbin:s3cr3t:1:1\n"} {
		_, err := inventory.Load(write(t, "fleet.yaml", head, "x.yaml", secret, "x.csv", secret), now)
		if err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %v", secret, err)
		}
	}
}
