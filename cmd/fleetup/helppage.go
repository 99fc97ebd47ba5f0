package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
)

// taskGroups are the commands by what a person wants to do, in the order of a
// night. A test holds that each visible command stands in one of them.
var taskGroups = []struct {
	title    string
	commands []string
}{
	{"prepare", []string{"kinds", "init", "inventory", "permissions", "preflight", "validate", "plan", "notify"}},
	{"run", []string{"run", "resume", "wait"}},
	{"watch and report", []string{"status", "serve", "report", "show", "runs", "audit"}},
	{"steer a run", orderNames()},
	{"after a failure", []string{"refresh", "reopen"}},
	{"try it out", []string{"demo", "emulate"}},
	{"this program", []string{"completion", "version", "help"}},
}

// examplesOf are command lines to learn from, by the command's path without the
// program. Each is one that the program takes; a test parses them.
func examplesOf(path string) []string {
	for _, k := range orderKinds() {
		if k.name == path {
			return k.help
		}
	}
	return helpExamples[path]
}

// helpExamples are those of commands that are no orders.
var helpExamples = map[string][]string{
	"": {"fleetup demo", "fleetup plan fleet.yaml --validate",
		"fleetup plan fleet.yaml --out fleet.plan", "fleetup run fleet.plan --yes", "fleetup report --state fleet.db"},
	"plan": {"fleetup plan fleet.yaml", "fleetup plan fleet.yaml --validate --details",
		"fleetup plan fleet.yaml --what-if upgrades=20,failures=5%",
		"fleetup plan fleet.yaml --out fleet.plan --change CHG-4711"},
	"validate": {"fleetup validate fleet.yaml", "fleetup validate fleet.yaml -o csv"},
	"run": {"fleetup run fleet.yaml", "fleetup run fleet.plan --yes --report night.html",
		"fleetup run fleet.plan --yes --listen 127.0.0.1:8080"},
	"resume": {"fleetup resume --state fleet.db --yes",
		"fleetup resume --state fleet.db --yes --accept-failures --reason 'known, case 4711'"},
	"status": {"fleetup status --state fleet.db", "fleetup status --state fleet.db --watch",
		"fleetup status --state fleet.db -l env=prod",
		"fleetup status --state fleet.db --query run.waitingFor -o json"},
	"report":       {"fleetup report --state fleet.db", "fleetup report --state fleet.db -o html"},
	"show":         {"fleetup show prod/vault-07 --state fleet.db"},
	"audit verify": {"fleetup audit verify --state fleet.db"},
	"audit export": {"fleetup audit export --state fleet.db"},
	"refresh":      {"fleetup refresh --state fleet.db"},
	"reopen":       {"fleetup reopen prod/vault-07 --state fleet.db --reason 'the vendor says so' --case 4711"},
	"wait": {"fleetup wait --state fleet.db --for approval",
		"fleetup wait --state fleet.db --for wave=canary --timeout 2h"},
	"runs": {"fleetup runs --state fleet.db"},
	"serve": {"fleetup serve --state fleet.db --listen 127.0.0.1:8080",
		"fleetup serve --state fleet.db --notify-file who"},
	"init": {"fleetup init", "fleetup init --kind rsv-alerts --management-group contoso --cloud AzurePublic " +
		"--window any --care careful"},
	"kinds":            {"fleetup kinds", "fleetup kinds rsv-alerts", "fleetup kinds rsv-alerts --out fleet.yaml"},
	"preflight":        {"fleetup preflight fleet.yaml"},
	"permissions":      {"fleetup permissions fleet.yaml"},
	"inventory lint":   {"fleetup inventory lint fleet.yaml"},
	"inventory show":   {"fleetup inventory show fleet.yaml prod/vault-07"},
	"inventory schema": {"fleetup inventory schema"},
	"inventory discover": {"fleetup inventory discover --kind rsv-alerts --out fleet.yaml",
		"fleetup inventory discover --update fleet.yaml"},
	"inventory import": {"fleetup inventory import vaults.csv --out fleet.yaml"},
	"notify test":      {"fleetup notify test --notify-file who"},
	"emulate":          {"fleetup emulate fleet.yaml --listen 127.0.0.1:8080"},
	"completion":       {"fleetup completion bash"},
	"help":             {"fleetup help inventory lint"},
	"demo":             {"fleetup demo"},
}

// helpWidth is how wide help is off a terminal, and at the most on one: longer
// lines are hard to read.
const (
	helpWidth     = 80
	helpWidthMost = 100
)

// helpWriter is what the library prints help to; it knows how wide that is.
type helpWriter struct {
	io.Writer
	columns int // of the terminal; 0 for none
}

func (w *helpWriter) width() int {
	if w.columns == 0 {
		return helpWidth
	}
	return min(w.columns, helpWidthMost)
}

// The library's own help neither wraps nor groups, and tells a flag's default
// twice. Its printer is a variable of its package, the same for every program in
// the process, so it is set before any runs.
func init() {
	cli.HelpPrinter = func(w io.Writer, _ string, of any) {
		width := helpWidth
		if h, ok := w.(*helpWriter); ok {
			width = h.width()
		}
		p := helpPage{width: width}
		switch c := of.(type) {
		case *cli.App:
			p.app(c)
		case *cli.Command:
			p.command(c)
		}
		_, _ = io.WriteString(w, p.b.String())
	}
}

// helpPage is help as it is written.
type helpPage struct {
	b     strings.Builder
	width int
}

func (p *helpPage) title(s string) { fmt.Fprintf(&p.b, "\n%s\n", strings.ToUpper(s)) }

// paragraph writes sentences, broken between words.
func (p *helpPage) paragraph(s string, indent int) {
	pad := strings.Repeat(" ", indent)
	for _, line := range strings.Split(layout.Wrap(s, p.width-indent), "\n") {
		p.b.WriteString(strings.TrimRight(pad+line, " ") + "\n")
	}
}

// rows writes terms with what they mean behind them, or below those too long
// for the column.
func (p *helpPage) rows(rows [][2]string, indent int) {
	const most = 28
	column := 0
	for _, r := range rows {
		if n := len(r[0]); n <= most {
			column = max(column, n)
		}
	}
	pad := strings.Repeat(" ", indent)
	under := strings.Repeat(" ", indent+column+2)
	for _, r := range rows {
		lines := strings.Split(layout.Wrap(r[1], p.width-len(under)), "\n")
		if len(r[0]) > column {
			p.b.WriteString(pad + r[0] + "\n")
		} else {
			p.b.WriteString(strings.TrimRight(pad+fmt.Sprintf("%-*s  %s", column, r[0], lines[0]), " ") + "\n")
			lines = lines[1:]
		}
		for _, l := range lines {
			p.b.WriteString(strings.TrimRight(under+l, " ") + "\n")
		}
	}
}

func (p *helpPage) flags(title string, flags []cli.Flag) {
	var rows [][2]string
	for _, f := range flagsOf(flags) {
		rows = append(rows, [2]string{f.spelt(), f.meaning()})
	}
	if len(rows) > 0 {
		p.title(title)
		p.rows(rows, 2)
	}
}

func (p *helpPage) examples(path string) {
	if list := examplesOf(path); len(list) > 0 {
		p.title("examples")
		for _, e := range list {
			p.b.WriteString("  " + e + "\n")
		}
	}
}

func (p *helpPage) app(a *cli.App) {
	p.paragraph(asSentence(a.Usage)+".", 0)
	p.title("usage")
	p.b.WriteString("  fleetup COMMAND [FLAGS] [ARGUMENTS]\n")
	for _, g := range taskGroups {
		p.title(g.title)
		var rows [][2]string
		for _, name := range g.commands {
			if c := a.Command(name); c != nil {
				rows = append(rows, [2]string{name, c.Usage})
			}
		}
		p.rows(rows, 2)
	}
	p.flags("flags of every command", append([]cli.Flag{helpFlag()}, globalFlags(a)...))
	p.examples("")
	p.title("exit status")
	var codes [][2]string
	for _, m := range fleet.ExitCodes() {
		codes = append(codes, [2]string{strconv.Itoa(int(m.Code)), m.Meaning})
	}
	p.rows(codes, 2)
	p.title("more")
	p.paragraph("fleetup help COMMAND, or --help behind a command, explains it and its flags.", 2)
}

func (p *helpPage) command(c *cli.Command) {
	path := strings.TrimPrefix(c.HelpName, "fleetup ")
	p.paragraph(asSentence(c.Usage)+".", 0)
	p.title("usage")
	p.b.WriteString("  " + synopsis("fleetup "+path, c) + "\n")
	if c.Description != "" {
		list, sentences := indented(c.Description)
		p.b.WriteString("\n")
		p.paragraph(strings.ReplaceAll(sentences, "\n", " "), 0)
		if list != "" {
			p.b.WriteString("\n  " + strings.ReplaceAll(list, "\n", "\n  ") + "\n")
		}
	}
	if len(c.Subcommands) > 0 {
		p.title("commands")
		var rows [][2]string
		for _, s := range c.Subcommands {
			if !s.Hidden {
				rows = append(rows, [2]string{s.Name, s.Usage})
			}
		}
		p.rows(rows, 2)
	}
	p.flags("flags", c.Flags)
	p.examples(path)
}
