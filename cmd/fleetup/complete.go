package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// candidate is a word that a shell may offer.
type candidate struct{ word, about string }

// completion is what may stand where the cursor is.
type completion struct {
	words []candidate
	files bool // paths, which the shell knows itself
}

// complete finds what may stand in place of the last of some words, which are
// a command line without the program's name. It reads the same declarations as
// the program does, so it knows every command there is.
func complete(app *cli.App, words []string) completion {
	l := lineSoFar{app: app, flags: app.Flags, commands: app.Commands, given: map[string]string{}}
	last := len(words) - 1
	if last < 0 {
		return completion{}
	}
	for _, w := range words[:last] {
		l.read(w)
	}
	current := words[last]
	if current == "=" { // bash parts --flag=value at its sign
		current = ""
	}
	var c completion
	switch name, _, inOne := strings.Cut(current, "="); {
	case l.awaits != nil:
		c = l.valueOf(l.awaits)
	case !l.ended && inOne && strings.HasPrefix(name, "-"):
		if f := l.flag(name); f != nil {
			c = l.valueOf(f)
			for i := range c.words {
				c.words[i].word = name + "=" + c.words[i].word
			}
		}
	case !l.ended && strings.HasPrefix(current, "-"):
		c = l.flagNames()
	case len(l.arguments) == 0 && len(l.commands) > 0:
		c.words = commandNames(l.commands)
	default:
		c = l.argument()
	}
	c.words = slices.DeleteFunc(c.words, func(w candidate) bool { return !strings.HasPrefix(w.word, current) })
	return c
}

// lineSoFar is a command line up to the cursor.
type lineSoFar struct {
	app       *cli.App
	command   *cli.Command // nil: none yet
	flags     []cli.Flag   // of the command
	commands  []*cli.Command
	arguments []string
	given     map[string]string // values of flags, by the flag's first name
	awaits    *flagInfo         // the flag whose value comes next
	ended     bool              // after --
}

func (l *lineSoFar) read(w string) {
	switch {
	case l.awaits != nil && w == "=":
	case l.awaits != nil:
		l.given[l.awaits.names[0]], l.awaits = w, nil
	case l.ended:
		l.arguments = append(l.arguments, w)
	case w == "--":
		l.ended = true
	case len(w) > 1 && w[0] == '-':
		name, value, inOne := strings.Cut(w, "=")
		f := l.flag(name)
		switch {
		case f == nil || f.value == "":
		case inOne:
			l.given[f.names[0]] = value
		default:
			l.awaits = f
		}
	default:
		if path, _ := named(l.commands, []string{w}); path != nil && len(l.arguments) == 0 {
			l.command = path[0]
			l.flags, l.commands = l.command.Flags, l.command.Subcommands
			return
		}
		l.arguments = append(l.arguments, w)
	}
}

// known are the flags that may stand here.
func (l *lineSoFar) known() []flagInfo {
	all := slices.Clone(l.flags)
	if l.command != nil {
		all = append(all, globalFlags(l.app)...)
	}
	return flagsOf(all)
}

func (l *lineSoFar) flag(name string) *flagInfo {
	for _, f := range l.known() {
		if slices.Contains(f.names, dashed(strings.TrimLeft(name, "-"))) {
			return &f
		}
	}
	return nil
}

func (l *lineSoFar) flagNames() completion {
	var c completion
	for _, f := range l.known() {
		for _, n := range f.names {
			c.words = append(c.words, candidate{n, f.usage})
		}
	}
	return c
}

func (l *lineSoFar) valueOf(f *flagInfo) completion {
	c := completion{files: f.takesPath()}
	for _, w := range f.choices {
		c.words = append(c.words, candidate{word: w})
	}
	if len(c.words) > 0 {
		return c
	}
	switch {
	case strings.Contains(f.value, "VAULT"):
		c.words = l.vaults()
	case f.names[0] == "--wave":
		c.words = l.waves("")
	case f.names[0] == "--for":
		c.words = append(c.words, candidate{"finished", "the run is over"}, candidate{"halted", "a budget halted it"},
			candidate{"approval", "a gate waits for a person"})
		c.words = append(c.words, l.waves("wave=")...)
	case f.names[0] == "--run":
		c.words = l.runs()
	case f.value == "LABELS":
		c.words = l.labels()
	}
	return c
}

func commandNames(commands []*cli.Command) []candidate {
	var words []candidate
	for _, c := range commands {
		if !c.Hidden {
			words = append(words, candidate{c.Name, c.Usage})
		}
	}
	return words
}

// argument completes an argument of the command by what its usage calls it.
func (l *lineSoFar) argument() completion {
	var c completion
	if l.command == nil {
		return c
	}
	kinds := strings.Fields(strings.NewReplacer("[", "", "]", "").Replace(l.command.ArgsUsage))
	if len(kinds) == 0 {
		return c
	}
	kind := kinds[min(len(l.arguments), len(kinds)-1)]
	if len(l.arguments) >= len(kinds) && !strings.Contains(kind, "...") && kind != "COMMAND" {
		return c
	}
	for _, word := range strings.Split(strings.TrimSuffix(kind, "..."), "|") {
		switch {
		case slices.Contains(pathWords, word):
			c.files = true
		case word == "VAULT":
			c.words = append(c.words, l.vaults()...)
		case word == "COMMAND":
			if path, below := named(l.app.Commands, l.arguments); len(path) == len(l.arguments) {
				c.words = append(c.words, commandNames(below)...)
			}
		case choice().MatchString(word):
			c.words = append(c.words, candidate{word: word})
		}
	}
	return c
}

// mostVaults bounds what is offered: a shell shows no more to anybody's good.
const mostVaults = 2000

// answersWithin is how long a live run may take to tell what completion asks: a
// person waits at the key.
const answersWithin = 700 * time.Millisecond

// ledger asks the ledger that the line names, and gives up where none is named, or
// none answers in time: what asks ends with the process, which has nothing else to do.
func ledger[T any](l *lineSoFar, ask func(path string) (T, error)) (found T) {
	path := cmp.Or(l.given["--state"], os.Getenv("FLEETUP_STATE"))
	if path == "" || !textfile.Exists(path) {
		return found
	}
	answer := make(chan T, 1)
	go func() {
		a, err := ask(path)
		if err != nil {
			a = found
		}
		answer <- a
	}()
	select {
	case a := <-answer:
		return a
	case <-time.After(answersWithin):
		return found
	}
}

// run is the run of the ledger that the line names: the newest, or that of --run; nil
// where there is none.
func (l *lineSoFar) run() *rollout.State {
	return ledger(l, func(path string) (*rollout.State, error) {
		run, _, err := session.ReadRun(path, l.given[flagRun.dashed()], false)
		return run.State, err
	})
}

// earlier are the vaults of runs before the newest, which has them not: what fleetup show
// tells of, too.
func (l *lineSoFar) earlier(newest *rollout.State) []candidate {
	return ledger(l, func(path string) (found []candidate, err error) {
		err = session.ReadLedger(path, func(r *session.ReadOnlyLedger) error {
			found, err = earlierVaults(r, newest.Plan)
			return err
		})
		return found, err
	})
}

// earlierVaults are the vaults that the plans of a ledger's earlier runs have and the
// newest one's has not, each once.
func earlierVaults(r *session.ReadOnlyLedger, newest *plan.Plan) (found []candidate, err error) {
	seen, read := map[fleet.Key]bool{}, map[string]bool{newest.Fingerprint: true}
	for i := range newest.Vaults {
		seen[newest.Vaults[i].Key] = true
	}
	stands := map[fleet.Key]fleet.Status{}
	if err := r.VaultRecords(func(v fleet.VaultRecord) error { stands[v.Vault] = v.Status; return nil }); err != nil {
		return nil, err
	}
	runs, err := r.Runs()
	for _, run := range slices.Backward(runs) {
		if read[run.PlanFingerprint] {
			continue
		}
		read[run.PlanFingerprint] = true
		p, err := journal.PlanOf(r, run.PlanFingerprint)
		if err != nil {
			return nil, err
		}
		for i, name := range p.Names() {
			if key := p.Vaults[i].Key; !seen[key] && len(found) < mostVaults {
				seen[key] = true
				about := "in run " + run.ID
				if status, ok := stands[key]; ok {
					about = p.Kind.Direction().Words().Status(status) + " " + about
				}
				found = append(found, candidate{name, about})
			}
		}
	}
	return found, err
}

// runs are the runs of the ledger that the line names, the newest first.
func (l *lineSoFar) runs() (words []candidate) {
	runs := ledger(l, func(path string) (runs []state.RunInfo, err error) {
		err = session.ReadLedger(path,
			func(r *session.ReadOnlyLedger) (err error) { runs, err = r.Runs(); return err })
		return runs, err
	})
	for _, r := range slices.Backward(runs) {
		about := "unfinished"
		if r.Closed {
			about = r.ExitCode.Name()
		}
		words = append(words, candidate{r.ID, r.OpenedAt.Local().Format("Mon 2 Jan 15:04") + ", " + about})
	}
	return words
}

// plan is that of the ledger, or of the inventory, that the line names; nil
// where it names neither.
func (l *lineSoFar) plan() *plan.Plan {
	if st := l.run(); st != nil {
		return st.Plan
	}
	if len(l.arguments) > 0 {
		if p, err := session.ReadInventory(l.arguments[0]); err == nil {
			return p
		}
	}
	return nil
}

// waves are the waves' names behind a prefix.
func (l *lineSoFar) waves(prefix string) (found []candidate) {
	if p := l.plan(); p != nil {
		for i := range p.Waves {
			found = append(found, candidate{prefix + p.Waves[i].Name, words.Count(len(p.Waves[i].Vaults), "vault")})
		}
	}
	return found
}

// labels are what a selector may pick by, KEY=VALUE.
func (l *lineSoFar) labels() (found []candidate) {
	p := l.plan()
	if p == nil {
		return nil
	}
	counts := map[string]int{}
	for i := range p.Vaults {
		for k, v := range p.Vaults[i].Labels {
			counts[k+"="+v]++
		}
	}
	for _, pair := range slices.Sorted(maps.Keys(counts)) {
		found = append(found, candidate{pair, words.Count(counts[pair], "vault")})
	}
	return found[:min(len(found), mostVaults)]
}

// vaults are the names of the vaults of the ledger, or of the inventory, that
// the line names: those that the command can do something about.
func (l *lineSoFar) vaults() (found []candidate) {
	if st := l.run(); st != nil {
		fits := l.fitting()
		for i, name := range st.Plan.Names() {
			if status := st.Vaults[i].Status; fits(status) {
				found = append(found, candidate{name, st.Plan.Kind.Direction().Words().Status(status)})
			}
		}
		if l.command != nil && l.command.Name == "show" {
			found = append(found, l.earlier(st)...)
		}
	} else if p := l.plan(); p != nil {
		for i, name := range p.Names() {
			found = append(found, candidate{name, p.Waves[p.Vaults[i].Wave].Name})
		}
	}
	found = slices.DeleteFunc(found, func(c candidate) bool { return slices.Contains(l.arguments, c.word) })
	return found[:min(len(found), mostVaults)]
}

// fitting is of which status a vault is that the command may be told of.
func (l *lineSoFar) fitting() func(fleet.Status) bool {
	name := ""
	if l.command != nil {
		name = l.command.Name
	}
	switch name {
	case "reopen", "refresh":
		return func(s fleet.Status) bool { return s == fleet.Failed || s == fleet.Unknown }
	case "hold":
		return func(s fleet.Status) bool { return s != fleet.Excluded && fleet.CanMove(s, fleet.Excluded) }
	case "release":
		return func(s fleet.Status) bool { return s == fleet.Excluded }
	}
	return func(fleet.Status) bool { return true }
}

// completeCommand is what the shells' scripts call.
func (e *environment) completeCommand() *cli.Command {
	return &cli.Command{
		Name:      completeName,
		Usage:     "print what may stand at the end of a command line",
		ArgsUsage: "-- WORD...",
		Hidden:    true,
		Flags:     []cli.Flag{flagNewWord.is(cli.BoolFlag{Usage: "after the words given a new one begins"})},
		Action: func(c *cli.Context) error {
			words := c.Args().Slice()
			if flagNewWord.of(c) {
				words = append(words, "")
			}
			found := complete(e.app(), words)
			for _, w := range found.words {
				fmt.Fprintf(e.stdout, "%s\t%s\n", lexicon.Clean(w.word), lexicon.Clean(w.about))
			}
			if found.files {
				say(e.stdout, ":files")
			}
			return nil
		},
	}
}

const completeName = "__complete"
