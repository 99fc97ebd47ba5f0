package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/web"
)

// tokenVariable holds the token of the page where no file does.
const tokenVariable = "FLEETUP_LISTEN_TOKEN"

// pageFlags serve a page of the run.
func pageFlags() []cli.Flag {
	return []cli.Flag{
		flagListen.is(cli.StringFlag{Usage: "serve a page of the run, live, at this `ADDRESS`, such as " +
			"127.0.0.1:8080; plain HTTP, read-only"}),
		flagListenTokenFile.is(cli.StringFlag{TakesFile: true,
			Usage: "who looks at the page needs the token in this `FILE` (or in " + tokenVariable +
				"); needed where other machines can reach it"}),
	}
}

// openPage takes the address of the page, so that a mistake is known before
// anything begins; nil where no page is wanted.
func openPage(c *cli.Context) (*web.Server, error) {
	address, file := flagListen.of(c), flagListenTokenFile.of(c)
	if address == "" {
		if file != "" {
			return nil, failure.Usage("add --listen ADDRESS, or leave the token out",
				"--listen-token-file is of no use without --listen")
		}
		return nil, nil
	}
	token := os.Getenv(tokenVariable)
	if file != "" {
		var err error
		if token, err = readToken(file); err != nil {
			return nil, err
		}
	}
	page, err := web.Listen(web.Config{Address: address, Token: token, Adjust: func(s *http.Server) {
		s.ErrorLog = slog.NewLogLogger(logOf(c).Handler(), slog.LevelDebug) // a broken client is no news of the run
	}})
	switch {
	case errors.Is(err, web.ErrAddress):
		return nil, failure.Usage("--listen 127.0.0.1:8080", "--listen: %w", err)
	case errors.Is(err, web.ErrNeedsToken), errors.Is(err, web.ErrWeakToken):
		return nil, failure.Usage("--listen 127.0.0.1:8080, or --listen-token-file FILE with the output of: openssl "+
			"rand -hex 24", "--listen: %w", err)
	case err != nil:
		return nil, failure.New(fleet.ExitInternal, err,
			"end what has that address, or choose another port; nothing was started")
	}
	return page, nil
}

// longestToken is how long a token may be: browsers and proxies take no longer
// header.
const longestToken = 4 << 10

// readToken reads the token of the page from a file that nobody else can read.
func readToken(file string) (string, error) {
	data, err := readSecret(flagListenTokenFile, file, "who knows the token may look")
	if err != nil {
		return "", err
	}
	const write = "write a token into it, for instance: openssl rand -hex 24"
	token := strings.TrimSpace(string(data))
	switch {
	case token == "":
		return "", failure.Usage(write, "the token file %s is empty", file)
	case len(data) > longestToken || strings.ContainsFunc(token, unicode.IsControl):
		return "", failure.Usage(write, "the token file %s holds more than one token: no header can carry it", file)
	}
	return token, nil
}

// mostSecret is more than any file of secrets needs, in bytes.
const mostSecret = 1 << 20

// readSecret reads the text of a file that a flag names and nobody else may read; why
// says what others could do with it.
func readSecret(flag textFlag, file, why string) ([]byte, error) {
	unread := func(next string, err error) error {
		return failure.Usage(next, "--%s: %s cannot be read: %w", flag, file, failure.Cause(err))
	}
	f, err := textfile.OpenRegular(file)
	if err != nil {
		return nil, unread("check the path", err)
	}
	defer f.Close()
	// The open file is asked, not its name, which may lead elsewhere by now.
	if fi, err := f.Stat(); err != nil || fi.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, failure.Usage(strings.Replace(lexicon.Command(file), "fleetup", "chmod 600", 1),
			"--%s: others may read %s, and %s", flag, file, why)
	}
	data, err := io.ReadAll(io.LimitReader(f, mostSecret))
	if err == nil {
		data, err = textfile.Decode(data)
	}
	if err != nil {
		return nil, unread("check the file", err)
	}
	return data, nil
}

// onPage shows a run on its page as well. The page folds the run's facts by
// itself, so that nothing it does can hold up the run.
func (e *environment) onPage(c *cli.Context, j job, p *progressOutput) error {
	if j.page == nil {
		return nil
	}
	begins := journal.Begin(j.plan)
	if err := j.ledger.Events(j.runID, func(_ uint64, ev fleet.Event) error { return begins.Apply(ev) }); err != nil {
		return fmt.Errorf("the page cannot show run %s: %w", j.runID, err)
	}
	j.page.Begin(web.Run{State: begins.State, Chronicle: begins.Told,
		Options: e.sharedOptions(c, j.path),
		Version: versionString(), Rates: j.cloud.Limiter.Each})
	e.sayShown(j.page)
	update, after := p.update, p.after
	p.update = func(st *rollout.State, events []fleet.Event) {
		update(st, events)
		j.page.Update(events)
	}
	p.after = func() {
		j.page.Close() // with the last word
		after()
	}
	return nil
}

// sayShown says where a page is.
func (e *environment) sayShown(page *web.Server) {
	where := "The run is shown at " + page.URL() // what follows an address directly would be opened with it
	if page.Guarded() {
		where += " to who knows the token; it is plain HTTP, so keep it to a network or a proxy that you trust."
	}
	say(e.stderr, "%s", where)
}
