package strictarm

import (
	"net/http"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// URLs says which polling URLs a 202 carries, and how they are written.
type URLs int

// The ways a 202 is written. The definition of Vaults_Update names Location
// alone; its examples have both headers.
const (
	Both         URLs = iota // absolute, as a service writes them
	AsyncOnly                // Azure-AsyncOperation alone
	LocationOnly             // Location alone
	Relative                 // both, without a host: the examples write them so
	Elsewhere                // both, at another host: a token must not follow there
	NoURLs                   // neither: all that can be done is to read the vault
)

// Outcome is how an operation ends.
type Outcome struct {
	status  string // in the status; empty: Succeeded
	code    string
	message string
	applies bool
	state   string        // provisioningState from then on; empty: as before
	gone    time.Duration // with expires: how long after its start the operation's URLs answer 404
	expires bool
	empty   bool // the Location answers 204 at the end
}

// The outcomes.
var (
	// Succeeds is the outcome of a service in good health.
	Succeeds = Outcome{status: "Succeeded", applies: true}
	// SucceedsWithout answers 204 from the Location at the end.
	SucceedsWithout = Outcome{status: "Succeeded", applies: true, empty: true}
	// SucceedsAsSuccess writes the status as OperationResource describes it:
	// Success.
	SucceedsAsSuccess = Outcome{status: "Success", applies: true}
	// Ineffective says that it has succeeded, and nothing has changed
	// (Azure/azure-rest-api-specs, issue 34218).
	Ineffective = Outcome{status: "Succeeded"}
	// Canceled ends without the change.
	Canceled = Outcome{status: "Canceled", code: "OperationCanceled", message: "The operation was canceled."}
	// Cancelled is the same in the spelling of OperationResource.
	Cancelled = Outcome{status: "Cancelled", code: "OperationCanceled", message: "The operation was canceled."}
)

// Fails ends without the change, with an error.
func Fails(code, message string) Outcome {
	return Outcome{status: "Failed", code: code, message: message}
}

// FailsBroken is Fails, and leaves the vault's provisioningState Failed.
func FailsBroken(code, message string) Outcome {
	return Outcome{status: "Failed", code: code, message: message, state: "Failed"}
}

// Expires makes the operation's URLs answer 404 from after its start on,
// however it ends.
func Expires(after time.Duration, o Outcome) Outcome {
	o.gone, o.expires = after, true
	return o
}

// operation is a PATCH that was accepted.
type operation struct {
	id         string
	version    string
	v          *VaultHandle
	patch      PatchSeen
	change     object // its body's properties and tags
	start, end time.Time
	outcome    Outcome
	settled    bool
	told       bool // the client was told that it was accepted
	urls       URLs
	status     string // the path and query that were handed out; empty: none
	result     string
	polls      pace
	statusDone bool // the status has said how it ended, or is gone
	finalReads int  // of the Location
	count      int  // polls
	polledAt   []time.Time
}

func (op *operation) runs(now time.Time) bool { return now.Before(op.end) }

func (op *operation) gone(now time.Time) bool {
	return op.outcome.expires && !now.Before(op.start.Add(op.outcome.gone))
}

// running returns the operation that a vault's service knows of and carries out.
func (v *VaultHandle) running(now time.Time) *operation {
	for _, op := range v.ops {
		if !now.Before(op.start) && op.runs(now) {
			return op
		}
	}
	return nil
}

// settle does to the vault what the operations that have ended did.
func (v *VaultHandle) settle(now time.Time) {
	if f := v.foreign; f != nil && !f.end.IsZero() && !f.runs(now) {
		if v.foreign = nil; f.applies {
			merge(v.properties(), v.wants)
		}
	}
	for _, op := range v.ops {
		if op.settled || op.runs(now) {
			continue
		}
		op.settled = true
		if op.outcome.applies {
			if v.before == nil {
				v.before = clone(v.properties()).(object)
			}
			if tags, ok := op.change["tags"].(object); ok {
				v.doc["tags"] = clone(tags)
			}
			if p, ok := op.change["properties"].(object); ok {
				apply(v.properties(), p)
			}
		}
		if op.outcome.state != "" {
			v.properties()["provisioningState"] = op.outcome.state
		}
	}
}

// accept takes a PATCH: the truth of a change of ours.
func (v *VaultHandle) accept(in *request, seen PatchSeen, late time.Duration) *operation {
	takes := v.takes
	if v.spec.Kind.provider() == keyVault {
		takes = 0
	}
	n := len(v.ops)
	op := &operation{
		id: operationName(v, n), version: in.version,
		v: v, patch: seen, change: in.change, urls: v.urls, outcome: Succeeds,
		start: in.Now.Add(late), end: in.Now.Add(late + takes),
	}
	if len(v.outcomes) > 0 {
		op.outcome, v.outcomes = v.outcomes[0], v.outcomes[1:]
	}
	op.handOut(in.version, in.Now)
	v.ops = append(v.ops, op)
	v.permits = max(v.permits-1, 0)
	v.s.accepted++
	if n := v.s.signOutAfter; n > 0 && v.s.accepted >= n {
		v.s.signedOut = true
	}
	v.settle(in.Now)
	return op
}

// done is the answer to an accepted PATCH: 200 where it is carried out
// already, else 202 with the URLs to poll.
func (op *operation) done(in *request) answer {
	op.told = true
	v := op.v
	if !op.runs(in.Now) {
		return strict.JSON(http.StatusOK, v.read(in.Now))
	}
	return op.accepted(in)
}

// handOut makes the operation's URLs known to the server, as paths with their
// queries, signed as services do.
func (op *operation) handOut(version string, now time.Time) {
	v := op.v
	sign := func() string {
		if v.published {
			return "?api-version=" + version
		}
		return v.s.sign(v, version, now)
	}
	if op.urls != LocationOnly && op.urls != NoURLs {
		op.status = v.ID() + "/operationStatus/" + op.id + sign()
		v.s.links[op.status] = link{call: CallStatus, sub: v.sub, vault: v, op: op}
	}
	if op.urls != AsyncOnly && op.urls != NoURLs {
		op.result = v.ID() + "/operationResults/" + op.id + sign()
		v.s.links[op.result] = link{call: CallResult, sub: v.sub, vault: v, op: op}
	}
}

// accepted is 202 with the operation's URLs.
func (op *operation) accepted(in *request) answer {
	a := strict.Plain(http.StatusAccepted)
	base := "http://" + in.Host
	switch op.urls {
	case Relative:
		base = ""
	case Elsewhere:
		base = "http://" + elsewhere(in.Host)
	}
	if op.status != "" {
		a.Header.Set("Azure-AsyncOperation", base+op.status)
	}
	if op.result != "" {
		a.Header.Set("Location", base+op.result)
	}
	return op.pace(in, a)
}

// elsewhere is another name of a host on loopback: what is sent there arrives
// here, and is seen.
func elsewhere(host string) string {
	name, port, _ := strings.Cut(host, ":")
	if name == "localhost" {
		return "127.0.0.1:" + port
	}
	return "localhost:" + port
}

// pace adds the vault's Retry-After to an answer about its operation.
func (op *operation) pace(in *request, a answer) answer {
	op.polls = pace{}
	if d := op.v.retryAfter; d > 0 {
		add := answer.RetryAfter
		if op.v.retryDate {
			add = answer.RetryAfterDate
		}
		op.polls.givenAt = in.Now
		a, op.polls.until = add(a, in.Now, d)
	}
	return a
}

// poll answers a GET of a status or a result.
func (s *Server) poll(in *request) answer {
	op := in.op
	if op == nil {
		return failure(http.StatusNotFound, "ResourceNotFound", "There is no such operation.")
	}
	if in.Method != http.MethodGet {
		return strict.Plain(http.StatusMethodNotAllowed)
	}
	op.count++
	op.polledAt = append(op.polledAt, in.Now)
	if op.urls == Elsewhere {
		in.Problem("a polling URL at another host was followed")
	}
	op.polls.judge(in)
	if in.call == CallResult && op.status != "" && !op.statusDone {
		in.Problem("Location read before Azure-AsyncOperation said how it ended, or was gone")
	}
	a := op.answer(in)
	if in.call == CallStatus && a.Status == http.StatusNotFound {
		op.statusDone = true
	}
	return a
}

func (op *operation) answer(in *request) answer {
	if len(op.v.pollScript) > 0 {
		fault := op.v.pollScript[0]
		op.v.pollScript = op.v.pollScript[1:]
		return fault.reply(in, op)
	}
	if f := op.v.pollAlways; f != nil {
		return f.reply(in, op)
	}
	if op.gone(in.Now) {
		return failure(http.StatusNotFound, "ResourceNotFound", "The operation could not be found.").AsGood()
	}
	if in.call == CallStatus {
		return op.statusAnswer(in)
	}
	return op.resultAnswer(in)
}

// statusAnswer is the example GetOperationStatus, or what was recorded: then one
// that goes on brings its URLs along, signed afresh.
func (op *operation) statusAnswer(in *request) answer {
	if !op.v.published {
		op.statusDone = op.statusDone || !op.runs(in.Now)
		stands := op.stands
		if op.v.spec.Kind.provider() == dataProtection {
			stands = op.standsTimed
		}
		a := stands(in.Now)
		if op.runs(in.Now) {
			op.fresh(in)
			for name, values := range op.accepted(in).Header {
				if name == "Azure-Asyncoperation" || name == "Location" || name == "Retry-After" {
					a.Header[name] = values
				}
			}
		}
		return a.AsGood()
	}
	path, _, _ := strings.Cut(op.status, "?")
	body := object{"id": path, "name": op.id, "startTime": op.start.UTC().Format(time.RFC3339Nano),
		"status": "InProgress"}
	if op.runs(in.Now) {
		return op.pace(in, strict.JSON(http.StatusOK, body)).AsGood()
	}
	op.statusDone = true
	body["status"], body["endTime"] = op.outcome.status, op.end.UTC().Format(time.RFC3339)
	if op.outcome.code != "" {
		body["error"] = object{"code": op.outcome.code, "message": op.outcome.message}
	}
	return strict.JSON(http.StatusOK, body).AsGood()
}

// resultAnswer is the example GetOperationResult: 202 while the operation
// runs, the vault at its end. One that failed answers with its error, as the
// contract for asynchronous operations asks for.
func (op *operation) resultAnswer(in *request) answer {
	if op.runs(in.Now) {
		op.fresh(in)
		return op.accepted(in).AsGood()
	}
	op.finalReads++
	switch {
	case op.outcome.code != "":
		return failure(http.StatusBadRequest, op.outcome.code, op.outcome.message).AsGood()
	case op.outcome.empty:
		return strict.Plain(http.StatusNoContent).AsGood()
	}
	return strict.JSON(http.StatusOK, op.v.read(in.Now)).AsGood()
}

// judge holds a request against the Retry-After that was given for its kind.
func (p pace) judge(in *request) {
	if early := p.until.Sub(in.Now); early > clockSlack {
		in.Problem("%v before Retry-After was over", early.Round(time.Millisecond))
	}
}
