package strictarm

import (
	"net/http"
	"strconv"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// read is the vault as it is read.
func (v *VaultHandle) read(now time.Time) object {
	doc := clone(v.doc).(object)
	doc["properties"].(object)["provisioningState"] = v.provisioning(now)
	return v.shown(v.written(doc), v.s.version(CallVault, v.spec.Kind.provider()))
}

// getVault answers GET of a vault.
func (s *Server) getVault(in *request) answer {
	v := in.vault
	v.reads.judge(in)
	if len(v.readScript) > 0 {
		fault := v.readScript[0]
		v.readScript = v.readScript[1:]
		return fault.reply(in, &v.reads, strict.JSON(http.StatusOK, v.read(in.Now)))
	}
	if v.gone {
		return notFound(v).AsGood()
	}
	if f := v.foreign; f != nil && f.end.IsZero() {
		f.end = in.Now.Add(f.takes)
	}
	v.lastRead, v.readSince, v.lastState = in.Now, true, v.provisioning(in.Now)
	if v.next == afterLost && !v.wanted() && v.lastState != "Updating" {
		v.absent = append(v.absent, in.Now)
	}
	return strict.JSON(http.StatusOK, v.read(in.Now)).AsGood()
}

// ReadFault is what one read of a vault, or one request about its role
// assignments, meets.
type ReadFault struct {
	name  string
	reply func(in *request, p *pace, whole answer) answer
}

func misread(name string, a func(whole answer) answer) ReadFault {
	return ReadFault{name, func(_ *request, _ *pace, whole answer) answer { return a(whole) }}
}

// Faults of a read. None of them says anything about the vault.
var (
	ReadUnavailable = misread("503", func(answer) answer { return strict.Plain(http.StatusServiceUnavailable) })
	ReadErrorBody   = misread("500 with error body", func(answer) answer {
		return failure(http.StatusInternalServerError, "InternalServerError",
			"The service could not finish the request.")
	})
	ReadErrorPage = misread("502 page", func(answer) answer {
		return strict.HTML(http.StatusBadGateway,
			"Bad Gateway")
	})
	ReadLoginPage = misread("login page",
		func(answer) answer { return strict.HTML(http.StatusOK, "Sign in to your account") })
	ReadEmpty = misread("empty body", func(answer) answer {
		return strict.NewAnswer(http.StatusOK, "application/json",
			"")
	})
	ReadNull = misread("null", func(answer) answer {
		return strict.NewAnswer(http.StatusOK, "application/json",
			"null")
	})
	ReadReset = misread("reset", func(answer) answer { return strict.Reset() })
	ReadHang  = misread("no answer", func(answer) answer { return strict.Hang() })
	// ReadCut answers 200 with the first half of the document.
	ReadCut = misread("half a document", func(whole answer) answer {
		whole.Body = whole.Body[:len(whole.Body)/2]
		return whole
	})
	// ReadTruncated breaks the connection in the middle of the body.
	ReadTruncated = misread("truncated body", func(whole answer) answer {
		whole.Cut = strict.CutTruncate
		return whole
	})
	// ReadOther answers 200 with a vault of another name.
	ReadOther = misread("another vault", func(answer) answer {
		return strict.JSON(http.StatusOK,
			object{"id": "/subscriptions/0/resourceGroups/other/providers/Microsoft.RecoveryServices/vaults/other",
				"name": "other", "type": "Microsoft.RecoveryServices/vaults",
				"properties": object{"provisioningState": "Succeeded"}})
	})
	// ReadMissing answers 404 once, as a region that lags behind does.
	ReadMissing = misread("404", func(answer) answer {
		return failure(http.StatusNotFound, "ResourceNotFound", "The resource was not found.")
	})
	ReadForbidden = misread("403", func(answer) answer {
		return failure(http.StatusForbidden, "AuthorizationFailed",
			"The client does not have authorization to perform action 'read' over the scope.")
	})
)

// ReadThrottle answers 429 with Retry-After in seconds, rounded up. A request
// of the same kind about the vault before it is over is a violation.
func ReadThrottle(d time.Duration) ReadFault {
	return ReadFault{"429", func(in *request, p *pace, _ answer) answer {
		a := failure(http.StatusTooManyRequests, "TooManyRequests", "The request is being throttled.")
		p.givenAt = in.Now
		a, p.until = a.RetryAfter(in.Now, d)
		return a
	}}
}

// PollFault is what one poll of an operation meets.
type PollFault struct {
	name  string
	reply func(in *request, op *operation) answer
}

// PollAs meets a poll with what a read may meet.
func PollAs(f ReadFault) PollFault {
	return PollFault{f.name, func(in *request, op *operation) answer {
		whole := strict.JSON(http.StatusOK, object{"id": op.status, "name": op.id, "status": "Succeeded"})
		return f.reply(in, &op.polls, whole)
	}}
}

// PollStatus answers with a status of one's own and nothing else: any word
// besides the terminal ones means that the operation goes on.
func PollStatus(status string) PollFault {
	return PollFault{"status " + status, func(in *request, op *operation) answer {
		return op.pace(in, strict.JSON(http.StatusOK, object{"status": status}))
	}}
}

// Polls that are answered with a page, or with nothing at all.
var (
	PollEmpty = PollFault{"poll empty",
		func(*request, *operation) answer { return strict.NewAnswer(http.StatusOK, "application/json", "") }}
	PollPage404 = PollFault{"poll 404 page",
		func(*request, *operation) answer { return strict.HTML(http.StatusNotFound, "404 - File not found") }}
	PollPage502 = PollFault{"poll 502 page",
		func(*request, *operation) answer { return strict.HTML(http.StatusBadGateway, "Bad Gateway") }}
)

// lock is a management lock, at its scope.
type lock struct{ name, level, scope string }

func (l lock) id() string { return l.scope + "/providers/Microsoft.Authorization/locks/" + l.name }

// readOnly returns the ID of a lock that refuses a PATCH.
func (v *VaultHandle) readOnly() string {
	for _, l := range v.locks {
		if l.level == "ReadOnly" {
			return l.id()
		}
	}
	return ""
}

// getLocks answers the list of the locks that apply to a vault
// (ManagementLocks_ListAtResourceLevel).
func (s *Server) getLocks(in *request) answer {
	v := in.vault
	list := []any{}
	for _, l := range v.locks {
		list = append(list, object{"id": l.id(), "name": l.name, "type": "Microsoft.Authorization/locks",
			"properties": object{"level": l.level, "notes": "not to be touched"}})
	}
	v.seenLock = v.readOnly()
	return strict.JSON(http.StatusOK, object{"value": list}).AsGood()
}

// rulesPage is how many alert processing rules a page holds.
const rulesPage = 2

// getRules answers the list of a subscription's alert processing rules
// (AlertProcessingRules_ListBySubscription), in pages.
func (s *Server) getRules(in *request) answer {
	sub := in.sub
	first := in.page * rulesPage
	list := []any{}
	for i := first; i < min(first+rulesPage, sub.rules); i++ {
		name := "rule-" + strconv.Itoa(i)
		list = append(list, object{"id": "/subscriptions/" + sub.id +
			"/resourceGroups/alerts/providers/Microsoft.AlertsManagement/actionRules/" + name,
			"name": name, "type": "Microsoft.AlertsManagement/actionRules", "location": "Global", "tags": object{},
			"properties": object{"enabled": true, "scopes": []any{"/subscriptions/" + sub.id},
				"description": "tells the people on duty",
				"actions": []any{object{"actionType": "AddActionGroups",
					"actionGroupIds": []any{"people-on-duty"}}}}})
	}
	body := object{"value": list}
	sub.rulesRead = true
	if first+rulesPage < sub.rules {
		target := "/subscriptions/" + sub.id + "/providers/Microsoft.AlertsManagement/actionRules?api-version=" +
			apiVersions[CallRules] +
			"&ctoken=%2bRID%3aPlwOAPHEGwB9UwEAAAAgCw%3d%3d%23TRC%3a" + strconv.Itoa(in.page+1)
		s.links[target] = link{call: CallRules, sub: sub, page: in.page + 1}
		body["nextLink"] = "http://" + in.Host + target
		if sub.nextElsewhere {
			body["nextLink"] = "http://" + elsewhere(in.Host) + target
		}
	}
	return strict.JSON(http.StatusOK, body).AsGood()
}

// getPermissions answers what the client may do (Permissions_ListForResourceGroup
// and Permissions_ListForResource).
func (s *Server) getPermissions(in *request) answer {
	may, mayNot := in.sub.may, in.sub.mayNot
	if may == nil {
		may = []string{"*"}
	}
	if mayNot == nil {
		mayNot = []string{}
	}
	return strict.JSON(http.StatusOK, object{"value": []any{object{
		"actions": may, "notActions": mayNot, "dataActions": []any{}, "notDataActions": []any{},
	}}}).AsGood()
}
