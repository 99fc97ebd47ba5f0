package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// The log is for machines, and off unless it is asked for: what people read is
// on stderr as ever. It has a line for the process's begin and end, at level
// info one for each fact that is on disk, and at level debug one for each
// request. Nothing in it is a secret, at any level.

var (
	logFormats = []string{"text", "json"}
	logLevels  = []string{"debug", "info", "warn", "error"}
)

// How long a process waits at its end for a log that is slow to be written.
const (
	inTime = 2 * time.Second
	atOnce = 200 * time.Millisecond
)

// logFlags are the flags of every command.
func logFlags() []cli.Flag {
	return []cli.Flag{
		flagLogFile.is(cli.StringFlag{EnvVars: []string{"FLEETUP_LOG_FILE"}, TakesFile: true, Category: everyCommand,
			Usage: "append a log for machines to `FILE`; - is stderr (default: no log, or stderr where one of the " +
				"next two is given)"}),
		flagLogLevel.is(cli.StringFlag{EnvVars: []string{"FLEETUP_LOG_LEVEL"}, Category: everyCommand,
			Usage: "the `LEVEL`: debug (every request), info (every fact), warn, error (default: info)"}),
		flagLogFormat.is(cli.StringFlag{EnvVars: []string{"FLEETUP_LOG_FORMAT"}, Category: everyCommand,
			Usage: "the `FORMAT`: text, json (default: text)"}),
	}
}

// everyCommand is the category of the flags that every command takes.
const everyCommand = "Of every command"

// processLog is the log of this process; nil where there is none.
type processLog struct {
	*slog.Logger
	sink  *sink
	began time.Time
	once  sync.Once
}

type logKey struct{}

// logOf is where a command logs; never nil.
func logOf(c *cli.Context) *slog.Logger {
	if l, ok := c.Context.Value(logKey{}).(*slog.Logger); ok {
		return l
	}
	return slog.New(slog.DiscardHandler)
}

// openLog begins the log that the command line asks for. It runs before every
// command.
func (e *environment) openLog(c *cli.Context) error {
	if e.log.Load() != nil {
		return nil // help runs a second command in this process
	}
	if c.Args().First() == completeName {
		return nil // a key that was pressed is nothing to log
	}
	file, level, format := flagLogFile.of(c), flagLogLevel.of(c), flagLogFormat.of(c)
	if level != "" {
		if err := oneOf(c, flagLogLevel, logLevels...); err != nil {
			return err
		}
	}
	if format != "" {
		if err := oneOf(c, flagLogFormat, logFormats...); err != nil {
			return err
		}
	}
	if file == "" && level == "" && format == "" {
		return nil
	}
	to, name := e.stderr, "on stderr"
	if file != "" && file != "-" {
		f, err := appendLog(file)
		if isForeign(err) {
			return failure.Usage("name another file with --log-file", "%s is not appended to: %w", file, err)
		}
		if isMistake(err) {
			return failure.Usage("name another file with --log-file", "the log %s cannot be opened: %w", file,
				failure.Cause(err))
		}
		if err != nil {
			say(e.stderr, "The log %s cannot be opened, and the command goes on without it: %s", lexicon.Clean(file),
				lexicon.Clean(failure.Cause(err).Error()))
			return nil
		}
		to, name = f, file
	} else {
		e.screen = false // a view that redraws would be torn by the lines
	}
	s := newSink(to, func(err error) {
		say(e.stderr, "The log %s cannot be written, and the command goes on without it: %s", lexicon.Clean(name),
			lexicon.Clean(failure.Cause(err).Error()))
	})
	l := &processLog{Logger: slog.New(logHandler(s, format, level)).With("pid", os.Getpid()), sink: s,
		began: time.Now()}
	e.log.Store(l)
	c.Context = context.WithValue(c.Context, logKey{}, l.Logger)
	l.Info("begin", "command", commandOf(c), "version", versionString(), "commit", commit())
	return nil
}

func logHandler(w io.Writer, format, level string) slog.Handler {
	var l slog.Level
	_ = l.UnmarshalText([]byte(level)) // checked before; "" stays info
	o := &slog.HandlerOptions{Level: l, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey && len(groups) == 0 {
			a.Value = slog.TimeValue(a.Value.Time().UTC())
		}
		return a
	}}
	if format == "json" {
		return slog.NewJSONHandler(w, o)
	}
	return slog.NewTextHandler(w, o)
}

// end writes the last line of the log. It waits no longer than patience for a
// file that is slow.
func (l *processLog) end(code fleet.ExitCode, err error, patience time.Duration) {
	if l == nil {
		return
	}
	l.once.Do(func() {
		as := []slog.Attr{slog.Int("exit", int(code)), slog.String("name", code.Name()),
			slog.Duration("duration", time.Since(l.began))}
		level := slog.LevelInfo
		if code != fleet.ExitOK {
			level = slog.LevelWarn
		}
		if _, told := errors.AsType[outcome](err); err != nil && !told {
			level = slog.LevelError
			as = append(as, slog.String("error", err.Error()))
		}
		if n := l.sink.missing(); n > 0 {
			as = append(as, slog.Int("linesLost", n))
		}
		l.LogAttrs(context.Background(), level, "end", as...)
		l.sink.close(patience)
	})
}

// commandOf names the command that a command line runs, without its arguments:
// a reason may hold anything.
func commandOf(c *cli.Context) string {
	name := "fleetup"
	path, _ := named(c.App.Commands, c.Args().Slice())
	for _, s := range path {
		name += " " + s.Name
	}
	return name
}

// errNoLog keeps a mistyped name from writing into somebody's file.
var errNoLog = errors.New("it is no log of fleetup's")

// errDeadLink keeps a file from being made under a name that nobody gave.
var errDeadLink = fmt.Errorf("it is %w", textfile.ErrDangling)

// isForeign reports whether what a log's name leads to is left as it is.
func isForeign(err error) bool { return errors.Is(err, errNoLog) || errors.Is(err, errDeadLink) }

// appendLog opens a log to append to, readable by its owner alone.
func appendLog(path string) (*os.File, error) {
	if i, err := os.Stat(path); err == nil && i.Mode()&fs.ModeNamedPipe != 0 {
		return nil, fmt.Errorf("%w: it is a pipe", errNoLog) // opening one waits for its reader
	}
	return appendOwn(path, "time=", `{"time":`)
}

// appendOwn opens a file to append to, readable by its owner alone, unless it
// begins otherwise than with one of these: then it is somebody else's, and the
// error errNoLog. A last line that a kill has torn is ended first, so that what
// follows is whole.
func appendOwn(path string, beginnings ...string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|os.O_EXCL, 0o600)
	if err == nil {
		return f, f.Chmod(0o600) // whatever the umask took of it
	}
	if errors.Is(err, fs.ErrExist) {
		f, err = os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0o600)
	}
	if errors.Is(err, fs.ErrNotExist) && textfile.Dangling(path) {
		return nil, errDeadLink
	}
	if errors.Is(err, fs.ErrPermission) {
		f, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o600) // one that may be written to and not be read
	}
	if err != nil {
		return nil, err
	}
	i, err := f.Stat()
	if err != nil || !i.Mode().IsRegular() {
		return f, err
	}
	var head [8]byte
	if n, err := f.ReadAt(head[:], 0); err == nil || errors.Is(err, io.EOF) {
		if n > 0 && !slices.ContainsFunc(beginnings,
			func(b string) bool { return bytes.HasPrefix(head[:n], []byte(b)) }) {
			_ = f.Close() // nothing was written
			return nil, errNoLog
		}
	}
	var last [1]byte
	if n, _ := f.ReadAt(last[:], i.Size()-1); n == 1 && last[0] != '\n' {
		_, _ = f.WriteString("\n") // a full disk tears one line more
	}
	return f, nil
}

// isMistake tells a wrong name of a log from a disk that is full or broken,
// which must not keep a night from going on.
func isMistake(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EISDIR) ||
		errors.Is(err, syscall.ENOTDIR)
}
