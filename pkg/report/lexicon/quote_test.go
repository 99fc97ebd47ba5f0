package lexicon

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "",
		"prod/sql-07 Ünïcode 生命 👩‍💻": "prod/sql-07 Ünïcode 生命 👩‍💻",
		"\x1b[31mred\x1b[0m":         `\x1b[31mred\x1b[0m`,
		"a\tb\r\nc\x00\x7f":          `a\x09b\x0d\x0ac\x00\x7f`,
		"\u009b2J":                   `\x9b2J`,
		"\xff\x9b":                   `\xff\x9b`,
		"\u202egnp\u2066\u200f":      `\u202egnp\u2066\u200f`,
		"a\u2028b\ufeff\u200b":       `a\u2028b\ufeff\u200b`,
		"tag\U000e0041":              `tag\U000e0041`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) is %q, want %q", in, got, want)
		}
	}
}

func TestCSVCell(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "a": "a", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x",
		"\tx": `'\x09x`, "\rx": `'\x0dx`, "a=1": "a=1", "\x1b": `\x1b`,
		" =1": "' =1", "a; b": "a; b", "a;=1": "a;'=1", "k=v; +1": "k=v;' +1", `x;"=1";-2`: `x;'"=1";'-2`, ";@": ";'@",
		"a;b=1": "a;b=1", "a-1": "a-1"} {
		if got := CSVCell(in); got != want {
			t.Errorf("csvCell(%q) is %q, want %q", in, got, want)
		}
	}
}

func TestShellQuote(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"prod/sql-07": "prod/sql-07", "a b": "'a b'", "it's": `'it'\''s'`, "": "''",
		"$(x)": "'$(x)'", "-x": "'-x'", "a;b": "'a;b'", "=ls": "'=ls'", "%1": "'%1'", "a=1%": "a=1%",
		"a==ls": "'a==ls'", "a=b:=ls": "'a=b:=ls'", "a=b=c:d,=e": "a=b=c:d,=e", "a:=b": "a:=b", "-x=ls": "'-x=ls'",
		"a\tb": `"$(printf 'a\011b')"`, "-\x1b": `"$(printf '\055\033')"`, "100%\r": `"$(printf '100%%\015')"`,
		"it's\n$x": `"$(printf 'it\047s\012\044x')"`, "\u202ené": `"$(printf '\342\200\256né')"`, `a\'; b`: `'a'\\''\''; b'`} {
		if got := shellQuote(in); got != want {
			t.Errorf("shellQuote(%q) is %s, want %s", in, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000",
		-100: "-100"} {
		if got := Number(n); got != want {
			t.Errorf("number(%d) is %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{-time.Second: "0s", 999 * time.Millisecond: "0s",
		45 * time.Second: "45s", time.Minute: "1m", 159 * time.Second: "2m39s",
		5*time.Minute + 9*time.Second: "5m09s", 599 * time.Second: "9m59s", 22*time.Minute + 50*time.Second: "22m",
		time.Hour: "1h", 101 * time.Minute: "1h41m",
		47 * time.Hour: "47h", 48 * time.Hour: "2d", 52 * time.Hour: "2d04h"} {
		if got := Span(d); got != want {
			t.Errorf("span(%s) is %s, want %s", d, got, want)
		}
	}
}

// A command line is parted into what it was made of, whatever that is.
func TestCommandWords(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"approve", "--reason", "it's fine", "--state", "a b.db"}, {"note", ""},
		{"hold", `a\b`, "$x", "--", "-v"},
		{"report", "'", "''", "a'b c"}} {
		words := CommandWords(Command(args...))
		got := []string{}
		for _, w := range words {
			got = append(got, Unquoted(w))
		}
		if want := append([]string{"fleetup"}, args...); !slices.Equal(got, want) {
			t.Errorf("%q of %s, want %q", got, Command(args...), want)
		}
	}
	if words := CommandWords(`fleetup approve --reason 'it'\''s fine'`); !slices.Equal(words,
		[]string{"fleetup", "approve", "--reason", `'it'\''s fine'`}) {
		t.Errorf("%q", words) // quoted as they stand
	}
	// What is not to be shown is one word as well, and is read escaped.
	if words := CommandWords(Command("note", "it's 5%\na \"b\"", "x")); len(words) != 4 ||
		Unquoted(words[2]) != `it's 5%\x0aa "b"` {
		t.Errorf("%q", words)
	}
	if words := CommandWords(Command("note", "it's\na b", "--state", "x.db")); len(words) != 5 ||
		Unquoted(words[4]) != "x.db" {
		t.Errorf("%q", words)
	}
}

// TestPastedIntoEveryShell: what Command writes arrives in each shell that is here as it
// was, whatever is in it; what ends with a line break is not written.
func TestPastedIntoEveryShell(t *testing.T) {
	t.Parallel()
	args := []string{"a b", "it's", `a\b'c\`, "$HOME `id` $(id) !x", "=ls", "%1", "-x", "~", "*", "{a,b}", "a\tb",
		"two\nlines", "-\x1b[31m%s\\n", "\u202eé\"!$x`'", "\nfirst", "\x01\x7f9", "\xff", "tab\t9",
		"--reason==ls", "a==ls", "a=b:=ls", "a:b==ls", "a=b==c", "a:=b"}
	for _, shell := range []string{"sh", "dash", "bash", "zsh", "ksh", "fish"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		line := strings.TrimPrefix(Command(args...), "fleetup")
		set := ""
		if shell == "zsh" {
			set = "setopt magicequalsubst\n"
		}
		out, err := exec.Command(path, "-c", set+"printf '%s\\0' --"+line).Output()
		got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		if len(got) > 0 && got[0] == "--" { // some printf take it for themselves
			got = got[1:]
		}
		if err != nil || !slices.Equal(got, args) {
			t.Errorf("%s: %v\n%q, want\n%q\nof %s", shell, err, got, args, line)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' }) {
			t.Errorf("it has control characters: %q", line)
		}
	}
	flags := []string{"--reason==ls", "--reason=a=b", "--reason=b:=ls"}
	if got, want := Command(flags...), "fleetup '--reason==ls' --reason=a=b '--reason=b:=ls'"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := Command("report", "--state", "fleet.db\n"); strings.HasPrefix(got, "fleetup") ||
		!strings.Contains(got, `"fleet.db\x0a"`) || strings.Contains(got, "\n") {
		t.Errorf("what no line can give: %q", got)
	}
}
