package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/web"
)

func reportFileFlag() cli.Flag {
	return flagReport.is(cli.StringSliceFlag{TakesFile: true,
		Usage: "write the report to `FILE` at the end, on a halt and on a signal; the extension is the format (" +
			fileEndings() + "); repeatable"})
}

// reportFile is a file that a run keeps its report in.
type reportFile struct {
	path   string // as given
	real   string // without symbolic links
	format layout.Format
	show   renderer
}

// pageEnding is of files that the page of a run goes to.
const pageEnding = ".html"

func fileEndings() string { return strings.Join(append(layout.FileEndings(), pageEnding), ", ") }

// reportFiles reads --report. A mistake shows before anything is begun; others
// are the files that a report must not overwrite.
func reportFiles(c *cli.Context, others ...string) ([]reportFile, error) {
	var files []reportFile
	for _, path := range flagReport.of(c) {
		file := reportFile{path: path, real: path, show: report.Report}
		var known bool
		if file.format, known = layout.FormatOf(path); strings.EqualFold(filepath.Ext(path), pageEnding) {
			file.format, file.show = formatHTML, web.WriteReport
		} else if !known {
			return nil, failure.Usage(helpOn(c), "--report: %s has an unsupported extension; valid: %s", path,
				fileEndings())
		}
		if real, err := filepath.EvalSymlinks(path); err == nil {
			file.real = real
		}
		fi, err := os.Stat(file.real)
		if err == nil && !fi.Mode().IsRegular() {
			return nil, failure.Usage("name a file", "--report: %s is not a regular file, and is not replaced", path)
		}
		if textfile.Dangling(file.real) {
			return nil, failure.Usage("name another file", "--report: %s is %w", path, textfile.ErrDangling)
		}
		if dir, err := os.Stat(filepath.Dir(file.real)); err != nil || !dir.IsDir() {
			return nil, failure.Usage("make the folder, or name another",
				"--report: the folder of %s is not there", path)
		}
		if err := textfile.Placeable(file.real); err != nil {
			return nil, failure.Usage("name a file in a folder that you may write to",
				"--report: nothing can be written beside %s: %w", path, failure.Cause(err))
		}
		for _, other := range others {
			if other != "" && textfile.Same(file.real, other) {
				return nil, failure.Usage("name another file",
					"--report: %s is what the run is made from, and is not overwritten", path)
			}
		}
		if err == nil && !looksReported(file) {
			return nil, failure.Usage("name another file, or remove that one",
				"--report: %s exists and is not a report of fleetup: it is not replaced", path)
		}
		if slices.ContainsFunc(files, func(g reportFile) bool { return textfile.Same(g.real, file.real) }) {
			return nil, failure.Usage("name it once", "--report: %s is given twice", path)
		}
		files = append(files, file)
	}
	return files, nil
}

// reported tells a report of a run by what is in one of its format, whatever the
// version that wrote it: a run's ID, or the words that its readers look for.
var reported = lazyregexp.New(`\b\d{8}-\d{6}-[0-9a-f]{6}\b`)

// looksReported reports whether a file may be replaced by a report: it is empty,
// or was one.
func looksReported(f reportFile) bool {
	data, err := textfile.Read(f.real)
	if err != nil {
		return false // who may not read it has not written it
	}
	switch {
	case len(data) == 0:
		return true
	case f.format == layout.FormatCSV:
		return bytes.HasPrefix(data, []byte("vault,subscriptionId,"))
	case f.format == formatHTML:
		return bytes.Contains(data, []byte("fleetup")) && reported().Match(data)
	}
	return reported().Match(data)
}

// reporter keeps the reports of a run current. A report that cannot be written
// is said, and changes nothing about the run.
type reporter struct {
	files   []reportFile
	options report.Options
	say     func(format string, args ...any)
	state   string // the ledger's path
	writing sync.Mutex
	failed  map[string]bool // the files that could not be written last, which was said
	pending sync.WaitGroup
}

func (e *environment) newReporter(c *cli.Context, files []reportFile, path string) *reporter {
	return &reporter{files: files, options: e.sharedOptions(c, path), state: path,
		say: func(format string, args ...any) { say(e.stderr, format, args...) }}
}

// watch follows the facts of a run: when a wave is done or the run halts it
// writes the reports beside the run, which may take an hour more to end. view
// is asked at once, from the run's own goroutine.
func (r *reporter) watch(told *report.TimelineBuilder,
	view func(*rollout.State) *report.View) func(*rollout.State, []fleet.Event) {
	return func(st *rollout.State, events []fleet.Event) {
		due := false
		for _, ev := range events {
			told.Add(st, ev)
			switch ev.Fact.(type) {
			case fleet.RunHalted, fleet.WaveDone:
				due = true
			}
		}
		if !due || len(r.files) == 0 {
			return
		}
		v := view(st)
		r.pending.Go(func() { r.write(v, false) })
	}
}

// write writes every file, the whole of it or nothing, and tells of it at the
// end.
func (r *reporter) write(v *report.View, last bool) {
	r.writing.Lock()
	defer r.writing.Unlock()
	var causes []unwritten
	var written []string
	for _, f := range r.files {
		o := r.options
		o.Format, o.Width = f.format, 0
		err := textfile.Replace(f.real, func(w io.Writer) error { return f.show(w, v, o) })
		switch {
		case err == nil:
			delete(r.failed, f.real)
			written = append(written, lexicon.Clean(f.path))
		case !r.failed[f.real]:
			if r.failed == nil {
				r.failed = map[string]bool{}
			}
			r.failed[f.real] = true
			why := failure.Cause(err).Error()
			i := slices.IndexFunc(causes, func(u unwritten) bool { return u.why == why })
			if i < 0 {
				i, causes = len(causes), append(causes, unwritten{why: why})
			}
			causes[i].files = append(causes[i].files, f)
		}
	}
	for _, u := range causes {
		r.say("%s", u.sentence(r.state))
	}
	if last {
		for _, path := range written {
			r.say("Report: %s", path)
		}
	}
}

// unwritten are reports that cannot be written for one reason.
type unwritten struct {
	why   string
	files []reportFile
}

// sentence says it once for all of them, and once for the run: a report that cannot be
// written at the end of one wave cannot be at the next one's either.
func (u unwritten) sentence(ledger string) string {
	var names, commands []string
	for _, f := range u.files {
		names = append(names, lexicon.Clean(f.path))
		commands = append(commands, lexicon.Command("report", "-o", string(f.format), "--state", ledger))
	}
	what, them := "The report "+names[0], "writes it"
	if n := len(names) - 1; n > 0 {
		what, them = "The reports "+strings.Join(names[:n], ", ")+" and "+names[n], "write them"
	}
	return fmt.Sprintf("%s cannot be written: %s. That changes nothing about the run; %s %s.", what, u.why,
		strings.Join(commands, ", "), them)
}

// end waits for what is being written.
func (r *reporter) end() { r.pending.Wait() }
