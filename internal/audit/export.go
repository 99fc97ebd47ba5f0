package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

func (e *environment) auditExport(c *cli.Context) error {
	r, err := openEvidence(c, "jsonl")
	if err != nil {
		return err
	}
	defer r.Close()
	out := bufio.NewWriterSize(e.stdout, 1<<16)
	broken, err := export(out, r)
	if err := errors.Join(err, out.Flush()); err != nil {
		return err
	}
	if broken > 0 {
		return &failure{fleet.ExitInternal, fmt.Errorf("the export is complete, but %s of ledger %s cannot be what was written", plural(broken, "event"), r.Path()),
			report.Command("audit", "verify", "--state", r.Path()) + " tells which"}
	}
	return nil
}

// exportHeader is the first line of an export, without the identity's bytes.
type exportHeader struct {
	SchemaVersion int    `json:"schemaVersion"`
	Export        string `json:"export"`
	Genesis       string `json:"genesis"`
}

// exportLine is an event of an export, without its bytes. Absent values are
// null.
type exportLine struct {
	Seq      uint64       `json:"seq"`
	Prev     string       `json:"prev"`
	Hash     string       `json:"hash"`
	At       *time.Time   `json:"at"`
	Run      *string      `json:"run"`
	Fact     *string      `json:"fact"`
	Who      *fleet.Actor `json:"who"`
	Vault    *string      `json:"vault"`
	VaultKey *fleet.Key   `json:"vaultKey"`
	What     *string      `json:"what"`
	Why      *string      `json:"why"`
}

// exporter follows a journal and knows who speaks in it. It holds no more than
// the names of the present run's vaults.
type exporter struct {
	from  evidence
	names map[fleet.Key]string
	run   *string
	who   *fleet.Actor // of the process that was at work
}

// export writes the journal as JSON lines, and returns how many events do not
// carry the hash they must.
func export(w io.Writer, from evidence) (broken int, err error) {
	x := &exporter{from: from}
	identity := from.Identity()
	if err := writeEvidence(w, exportHeader{1, "fleetup journal", state.Genesis(identity).String()}, "identity", identity); err != nil {
		return 0, err
	}
	err = from.Scan(func(e state.Entry) error {
		if !e.Fits || e.Missing > 0 {
			broken++
		}
		return writeEvidence(w, x.line(e), "data", e.Data)
	})
	return broken, err
}

// writeEvidence writes an object on one line whose last member holds bytes as
// they are stored, for hashes to be computed of. Bytes that would not survive
// that, or would steer a terminal, are written in base64 under another name.
func writeEvidence(w io.Writer, members any, name string, stored []byte) error {
	line, err := json.Marshal(members)
	if err != nil {
		return err
	}
	if text := string(stored); !json.Valid(stored) || bytes.ContainsAny(stored, "\r\n") || report.Clean(text) != text {
		name += "Base64"
		stored = fmt.Appendf(nil, "%q", base64.StdEncoding.EncodeToString(stored))
	}
	line = fmt.Appendf(line[:len(line)-1], ",%q:%s}\n", name, stored)
	_, err = w.Write(line)
	return err
}

// line says an event in words.
func (x *exporter) line(e state.Entry) exportLine {
	l := exportLine{Seq: e.Seq, Prev: e.Prev.String(), Hash: e.Hash.String()}
	var ev fleet.Event
	if json.Unmarshal(e.Data, &ev) != nil {
		l.Run, l.Who = x.run, x.who
		return l
	}
	name := ev.Fact.Name()
	l.At, l.Fact = &ev.At, &name
	said := wordsOf(e.Data)
	switch f := ev.Fact.(type) {
	case fleet.RunOpened:
		x.open(f)
		x.who = said.By
	case fleet.Resumed:
		x.who = said.By
	}
	l.Run, l.Who = x.run, x.who
	if said.By != nil {
		l.Who = said.By
	}
	if f, ok := ev.Fact.(fleet.VaultFact); ok {
		key := f.VaultKey()
		l.VaultKey = &key
		if n := x.names[key]; n != "" {
			n = report.Clean(n)
			l.Vault = &n
		}
	}
	what := report.Clean(sentence(ev.Fact))
	l.What = &what
	if said.Reason != "" {
		why := report.Clean(said.Reason)
		l.Why = &why
	}
	return l
}

// open learns the names of a run's vaults. A plan that cannot be read leaves
// only their keys; fleetup audit verify says why.
func (x *exporter) open(f fleet.RunOpened) {
	id := report.Clean(f.RunID)
	x.run, x.names = &id, nil
	p, err := planOf(x.from, f.PlanFingerprint)
	if err != nil {
		return
	}
	x.names = make(map[fleet.Key]string, len(p.Vaults))
	for i, name := range report.Names(p) {
		x.names[p.Vaults[i].Key] = name
	}
}

// words is what facts that a person caused have in common.
type words struct {
	By     *fleet.Actor `json:"by"`
	Reason string       `json:"reason"`
}

func wordsOf(event []byte) words {
	var e struct{ Data words }
	_ = json.Unmarshal(event, &e) // it was decoded before
	if b := e.Data.By; b != nil {
		b.User, b.Host, b.Credential = report.Clean(b.User), report.Clean(b.Host), report.Clean(b.Credential)
	}
	return e.Data
}
