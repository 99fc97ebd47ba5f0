package fleet

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// A journal has hundreds of thousands of facts about vaults, and whoever reads it reads
// them all. So those that each vault has are read without reflection: the spelling of
// json.Marshal, with its fields in their order, and nothing else. Whatever differs in
// the least is left to encoding/json, which alone says what a text means: FuzzEvent
// holds one against the other.

// quickReaders holds a reader for each type of fact that vaults have by the hundred
// thousand.
var quickReaders = map[string]func(*spelled) Fact{
	"Validated":     (*spelled).validated,
	"StartWaits":    (*spelled).startWaits,
	"StartIntended": (*spelled).startIntended,
	"StartAnswered": (*spelled).startAnswered,
	"NotSent":       (*spelled).notSent,
	"Observed":      (*spelled).observed,
	"Inspected":     (*spelled).inspected,
	"Verified":      (*spelled).verified,
}

// readQuick reads the data of a fact that json.Marshal has written; ok is false for
// every other text, and for facts that have no such reader.
func readQuick(name, data []byte) (f Fact, ok bool) {
	read := quickReaders[string(name)]
	if read == nil {
		return nil, false
	}
	s := spelled{rest: data}
	f = read(&s)
	return f, !s.other && len(s.rest) == 0
}

// spelled is what is left of a text while it is read. Once something was met that
// json.Marshal does not write, other is set, and what is read is worth nothing.
type spelled struct {
	rest  []byte
	comma bool // the object has had a key
	other bool
}

// take goes past a text that must come next.
func (s *spelled) take(text string) {
	if len(s.rest) < len(text) || string(s.rest[:len(text)]) != text {
		s.other = true
		return
	}
	s.rest = s.rest[len(text):]
}

func (s *spelled) open() {
	s.take("{")
	s.comma = false
}

func (s *spelled) close() {
	s.take("}")
	s.comma = true // of the object around this one
}

// key reports whether the next key of the object is that one, and goes past it.
func (s *spelled) key(name string) bool {
	b := s.rest
	if s.comma {
		if len(b) == 0 || b[0] != ',' {
			return false
		}
		b = b[1:]
	}
	n := len(name)
	if len(b) < n+3 || b[0] != '"' || string(b[1:n+1]) != name || b[n+1] != '"' || b[n+2] != ':' {
		return false
	}
	s.rest, s.comma = b[n+3:], true
	return true
}

// must is key of one that json.Marshal always writes.
func (s *spelled) must(name string) {
	if !s.key(name) {
		s.other = true
	}
}

// token is the next string with its quotes; plain says that it stands for itself.
func (s *spelled) token() (token []byte, plain bool) {
	if len(s.rest) == 0 || s.rest[0] != '"' {
		s.other = true
		return nil, false
	}
	plain = true
	ascii := true
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			token, s.rest = s.rest[:i+1], s.rest[i+1:]
			return token, plain && (ascii || utf8.Valid(token))
		case c == '\\':
			plain = false
			i++
		case c < ' ':
			plain = false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	s.other = true
	return nil, false
}

// text reads a string.
func (s *spelled) text() string {
	token, plain := s.token()
	if !plain {
		var t string
		if s.other || json.Unmarshal(token, &t) != nil {
			s.other = true
		}
		return t
	}
	token = token[1 : len(token)-1]
	if w, ok := frequent[string(token)]; ok {
		return w
	}
	return string(token)
}

// frequent are words of which a journal is full: there is one of each in memory.
var frequent = func() map[string]string {
	m := map[string]string{}
	for _, w := range []string{string(VerdictReady), string(VerdictAlready), string(StartAccepted),
		string(RecordInProgress), string(RecordUpgraded), string(RecordFailed), string(SeverityError),
		string(SeverityWarning), string(SeverityInfo), string(FinalStatus), string(FinalLocation)} {
		m[w] = w
	}
	return m
}()

// optional reads a string that is left out where it is empty.
func (s *spelled) optional(name string) string {
	if !s.key(name) {
		return ""
	}
	return s.text()
}

// flag reads a bool that is left out where it is false.
func (s *spelled) flag(name string) bool {
	if !s.key(name) {
		return false
	}
	s.take("true")
	return true
}

// number reads an integer of so many bits.
func (s *spelled) number(bits int) int64 {
	n := 0
	for n < len(s.rest) && (s.rest[n] == '-' || s.rest[n] >= '0' && s.rest[n] <= '9') {
		n++
	}
	token := s.rest[:n]
	v, err := strconv.ParseInt(string(token), 10, bits)
	digits := bytes.TrimPrefix(token, []byte("-"))
	if err != nil || len(digits) > 1 && digits[0] == '0' {
		s.other = true
	}
	s.rest = s.rest[n:]
	return v
}

// duration reads one that is left out where it is 0.
func (s *spelled) duration(name string) time.Duration {
	if !s.key(name) {
		return 0
	}
	return time.Duration(s.number(64))
}

// moment reads a time that is left out where it is zero.
func (s *spelled) moment(name string) (t time.Time) {
	if !s.key(name) {
		return t
	}
	if token, plain := s.token(); !plain || t.UnmarshalJSON(token) != nil {
		s.other = true
	}
	return t
}

// list reads what is left out where it is empty.
func list[T any](s *spelled, name string, read func() T) (all []T) {
	if !s.key(name) {
		return nil
	}
	s.take("[")
	for !s.other {
		all = append(all, read())
		if len(s.rest) == 0 || s.rest[0] != ',' {
			break
		}
		s.rest = s.rest[1:]
	}
	s.take("]")
	s.comma = true
	return all
}

// mostNested is how deep the objects of a raw value may stand in each other here; what
// goes deeper is left to encoding/json, which has a limit of its own.
const mostNested = 100

// raw reads an object or a list as it stands.
func (s *spelled) raw(name string) json.RawMessage {
	if !s.key(name) {
		return nil
	}
	before, depth := s.rest, 0
	for {
		if len(s.rest) == 0 || depth > mostNested {
			s.other = true
			return nil
		}
		switch s.rest[0] {
		case '"':
			if s.token(); s.other {
				return nil
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if s.rest = s.rest[1:]; depth <= 0 {
			break
		}
	}
	value := before[:len(before)-len(s.rest)]
	if len(value) < len("{}") || !json.Valid(value) { // words and numbers have no end of their own
		s.other = true
		return nil
	}
	return bytes.Clone(value)
}

func (s *spelled) finding() (f Finding) {
	s.open()
	s.must("severity")
	f.Severity = Severity(s.text())
	f.Category = s.optional("category")
	s.must("code")
	f.Code = s.text()
	s.must("message")
	f.Message = s.text()
	f.Action = s.optional("action")
	f.Items = list(s, "items", s.text)
	f.Said = s.optional("said")
	s.close()
	return f
}

func (s *spelled) record(name string) *Record {
	if !s.key(name) {
		return nil
	}
	var r Record
	s.open()
	s.must("operationId")
	r.OperationID = s.text()
	s.must("state")
	r.State = UpgradeState(s.text())
	r.Message = s.optional("message")
	r.Trigger = s.optional("trigger")
	r.StartedAt = s.moment("startedAt")
	r.UpdatedAt = s.moment("updatedAt")
	r.EndedAt = s.moment("endedAt")
	r.UpgradedResourceID = s.optional("upgradedResourceId")
	r.PreviousResourceID = s.optional("previousResourceId")
	r.Presumed = s.flag("presumed")
	s.close()
	return &r
}

func (s *spelled) operation(name string) *Operation {
	if !s.key(name) {
		return nil
	}
	var o Operation
	s.open()
	o.StatusURL = s.optional("statusUrl")
	o.ResultURL = s.optional("resultUrl")
	o.Final = FinalState(s.optional("final"))
	o.RetryAfter = s.duration("retryAfterNs")
	o.Unfollowed = s.optional("unfollowed")
	o.Sealed = s.optional("sealed")
	s.close()
	return &o
}

func (s *spelled) answer() (a StartAnswer) {
	s.open()
	s.must("verdict")
	a.Verdict = StartVerdict(s.text())
	if s.key("httpStatus") {
		a.HTTPStatus = int(s.number(strconv.IntSize))
	}
	a.Code = s.optional("code")
	a.Message = s.optional("message")
	a.Action = s.optional("action")
	a.Findings = list(s, "findings", s.finding)
	a.ErrorBody = s.flag("errorBody")
	a.RequestID = s.optional("requestId")
	a.RetryAfter = s.duration("retryAfterNs")
	a.Done = s.flag("done")
	a.Operation = s.operation("operation")
	s.close()
	return a
}

func (s *spelled) lastReading() (r LastReading) {
	s.open()
	r.At = s.moment("at")
	s.must("what")
	r.What = s.text()
	r.Differs = list(s, "differs", s.text)
	r.Poll = s.optional("poll")
	r.Action = s.optional("action")
	r.Settled = s.flag("settled")
	r.Running = s.flag("running")
	s.close()
	return r
}

// vault begins a fact about a vault, and vaultOperation one about an operation on it.
func (s *spelled) vault() Key {
	s.open()
	s.must("vault")
	return Key(s.text())
}

func (s *spelled) vaultOperation() (Key, string) {
	k := s.vault()
	s.must("operationId")
	return k, s.text()
}

func (s *spelled) validated() Fact {
	f := Validated{Vault: s.vault()}
	s.must("verdict")
	f.Verdict = Verdict(s.text())
	f.Findings = list(s, "findings", s.finding)
	f.Record = s.record("record")
	f.RequestIDs = list(s, "requestIds", s.text)
	f.State = s.raw("state")
	s.close()
	return f
}

func (s *spelled) startWaits() Fact {
	f := StartWaits{Vault: s.vault()}
	s.must("reason")
	f.Reason = s.text()
	f.Code = s.optional("code")
	f.RetryAfter = s.duration("retryAfterNs")
	f.Learned = s.raw("learned")
	s.close()
	return f
}

func (s *spelled) startIntended() Fact {
	var f StartIntended
	f.Vault, f.OperationID = s.vaultOperation()
	s.must("attempt")
	f.Attempt = int(s.number(strconv.IntSize))
	f.Before = s.raw("before")
	f.Version = s.optional("version")
	s.close()
	return f
}

func (s *spelled) startAnswered() Fact {
	var f StartAnswered
	f.Vault, f.OperationID = s.vaultOperation()
	s.must("answer")
	f.Answer = s.answer()
	f.ForNow = s.flag("forNow")
	s.close()
	return f
}

func (s *spelled) notSent() Fact {
	var f NotSent
	f.Vault, f.OperationID = s.vaultOperation()
	s.must("reason")
	f.Reason = s.text()
	f.Code = s.optional("code")
	s.close()
	return f
}

func (s *spelled) observed() Fact {
	var f Observed
	f.Vault, f.OperationID = s.vaultOperation()
	f.Record = s.record("record")
	f.Vanished = s.flag("vanished")
	f.Foreign = s.flag("foreign")
	f.Findings = list(s, "findings", s.finding)
	f.Present = s.flag("present")
	f.Explained = s.flag("explained")
	f.Unseen = s.flag("unseen")
	f.Late = s.flag("late")
	s.close()
	return f
}

func (s *spelled) inspected() Fact {
	var f Inspected
	f.Vault, f.OperationID = s.vaultOperation()
	s.must("reading")
	f.Reading = s.lastReading()
	s.close()
	return f
}

func (s *spelled) verified() Fact {
	var f Verified
	f.Vault, f.OperationID = s.vaultOperation()
	s.must("resourceId")
	f.ResourceID = s.text()
	s.close()
	return f
}
