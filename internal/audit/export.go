package audit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

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
	from  Source
	names map[fleet.Key]string
	plan  string // whose vaults these are: its fingerprint
	run   *string
	who   *fleet.Actor // of the process that was at work
}

// Export writes the journal as JSON lines, and returns how many events do not
// carry the hash they must.
func Export(w io.Writer, from Source) (broken int, err error) {
	x := &exporter{from: from}
	identity := from.Identity()
	if err := writeEvidence(w, exportHeader{1, "fleetup journal",
		state.Genesis(identity).String()}, "identity", identity); err != nil {
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
	if text := string(stored); !json.Valid(stored) || bytes.ContainsAny(stored, "\r\n") || lexicon.Clean(text) != text {
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
	ev, err := fleet.ReadEvent(e.Data)
	if err != nil {
		l.Run, l.Who = x.run, x.who
		return l
	}
	name := ev.Fact.Name()
	l.At, l.Fact = &ev.At, &name
	said := saidIn(e.Data)
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
			n = lexicon.Clean(n)
			l.Vault = &n
		}
	}
	// An export of the same journal is the same bytes for ever, so it keeps the words of
	// the first versions; the vault's key has the kind, and so the direction.
	what := lexicon.Clean(exported(ev.Fact))
	l.What = &what
	if said.Reason != "" {
		why := lexicon.Clean(said.Reason)
		l.Why = &why
	}
	return l
}

// open learns the names of a run's vaults. A plan that cannot be read leaves
// only their keys; fleetup audit verify says why.
func (x *exporter) open(f fleet.RunOpened) {
	id := lexicon.Clean(f.RunID)
	x.run = &id
	if x.plan == f.PlanFingerprint {
		return
	}
	x.names, x.plan = nil, ""
	p, err := journal.PlanOf(x.from, f.PlanFingerprint)
	if err != nil {
		return
	}
	x.plan = f.PlanFingerprint
	x.names = make(map[fleet.Key]string, len(p.Vaults))
	for i, name := range p.Names() {
		x.names[p.Vaults[i].Key] = name
	}
}

// Said is what facts that a person caused have in common.
type Said struct {
	By     *fleet.Actor `json:"by"`
	Reason string       `json:"reason"`
}

// SaidIn is who caused a fact and why, where it says so.
func SaidIn(f fleet.Fact) (s Said, err error) {
	data, err := json.Marshal(f)
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	return s, err
}

// User is who it was, nil where nobody is named.
func (s Said) User() *string {
	if s.By == nil {
		return nil
	}
	return &s.By.User
}

func saidIn(event []byte) Said {
	var e struct{ Data Said }
	_ = json.Unmarshal(event, &e) // it was decoded before
	if b := e.Data.By; b != nil {
		b.User, b.Host, b.Credential = lexicon.Clean(b.User), lexicon.Clean(b.Host), lexicon.Clean(b.Credential)
	}
	return e.Data
}
