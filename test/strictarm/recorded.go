package strictarm

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// What the service is recorded to say, where the specification says less or
// otherwise. The recordings are those of Azure's command line: Azure/azure-cli,
// src/azure-cli/azure/cli/command_modules/backup/tests/latest/recordings,
// test_backup_vault_source_scan_configuration.yaml (9 September 2026) and
// test_vault_soft_delete_basic.yaml (24 July 2026).

// Published makes the vault's service speak as the published examples do, in place
// of the recordings: short URLs, Retry-After of a second, and times in the status.
func (v *VaultHandle) Published() *VaultHandle {
	return v.with(func() { v.published, v.retryAfter = true, time.Second })
}

// base64url are the letters of what is signed.
const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// letters are so many of them, the same for the same seed.
func letters(n int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 3))
	out := make([]byte, n)
	for i := range out {
		out[i] = base64url[r.IntN(len(base64url))]
	}
	return string(out)
}

// sign is the query of one handing-out of a URL: when, by whose certificate, a
// signature and a hash. With the path it makes 3.1 to 3.7 KB.
func (s *Server) sign(v *VaultHandle, version string, now time.Time) string {
	s.signed++
	seed := uint64(s.signed)
	ticks := now.UTC().Unix()*10_000_000 + int64(now.Nanosecond()/100) + 621_355_968_000_000_000
	certificate := "MIIH9TCCBt2gAwIBAgI" + letters(2640+v.index%80, uint64(v.index%3)+1<<40)
	odd := ""
	if v.index%2 == 1 { // no recorded one has them, and nobody may write them otherwise
		odd = "%2b%3d%3d"
	}
	return fmt.Sprintf("?api-version=%s&t=%d&c=%s&s=%s&h=%s%s", version, ticks, certificate, letters(342, seed),
		letters(43, seed+1<<32), odd)
}

// operationName is an operation's, as recorded: a number and a GUID in base64.
func operationName(v *VaultHandle, n int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%d;%08x-0f0e-4a1b-8c2d-%012x", 1023+v.index%3000,
		v.index, n+v.index*7))
}

// fresh hands the operation's URLs out once more, signed anew. The old ones stay
// good.
func (op *operation) fresh(in *request) {
	if !op.v.published {
		op.handOut(op.version, in.Now)
	}
}

// stands is the recorded status: three fields, indented, and the error of one that
// failed. Every third operation that succeeds says so in lower case.
func (op *operation) stands(now time.Time) answer {
	path, _, _ := strings.Cut(op.status, "?")
	word, extra := "InProgress", ""
	if !op.runs(now) {
		word = op.outcome.status
		if word == "Succeeded" && (op.v.index+len(op.v.ops))%3 == 0 {
			word = "succeeded"
		}
		if op.outcome.code != "" {
			extra = fmt.Sprintf(",\r\n  \"error\": {\r\n    \"code\": %s,\r\n    \"message\": %s\r\n  }",
				strconv.Quote(op.outcome.code), strconv.Quote(op.outcome.message))
		}
	}
	return strict.NewAnswer(http.StatusOK, "application/json; charset=utf-8",
		fmt.Sprintf("{\r\n  \"id\": %s,\r\n  \"name\": %s,\r\n  \"status\": %s%s\r\n}", strconv.Quote(path),
			strconv.Quote(op.id), strconv.Quote(word), extra))
}

// recordedVault are the properties of a vault that was made in 2026 and left as it
// was: every alert is on, immutability was never heard of, and some fields are in
// no specification.
func recordedVault() object {
	p := object{
		"provisioningState": "Succeeded", "privateEndpointStateForBackup": "None",
		"privateEndpointStateForSiteRecovery": "None",
		"costManagementSettings":              object{"granularityLevel": "VaultLevel"},
		"backupStorageVersion":                "Unassigned",
		"securitySettings": object{
			"softDeleteSettings": object{"softDeleteRetentionPeriodInDays": 14, "softDeleteState": "AlwaysON",
				"enhancedSecurityState": "AlwaysON"},
			"multiUserAuthorization":  "Disabled",
			"sourceScanConfiguration": object{"state": "Disabled"},
		},
		"redundancySettings": object{"standardTierStorageRedundancy": "GeoRedundant",
			"crossRegionRestore": "Disabled"},
		"regionOfChoiceSettings": object{"status": "Disabled"}, "secureScore": "Adequate", "bcdrSecurityLevel": "Good",
		"publicNetworkAccess": "Enabled",
		"restoreSettings": object{"crossSubscriptionRestoreSettings": object{
			"crossSubscriptionRestoreState": "Enabled"}},
	}
	merge(p, monitoring("Enabled", "Enabled", "Enabled", "Enabled", "Enabled"))
	return p
}

// forbidden are the Resource Manager's words for an identity that lacks the right
// for an action.
func forbidden(action, scope string) string {
	const who = "3f7c2a90-5d1e-4b86-9a34-c8e1f0d27b65"
	return "The client '" + who + "' with object id '" + who + "' does not have authorization to perform action '" +
		action + "' over scope '" + scope +
		"' or the scope is invalid. If access was recently granted, please refresh your credentials."
}

// unauthorized are the words for a call of any kind.
func (in *request) unauthorized() string { return forbidden(in.action(), in.scope()) }

// notFound are the recorded words for what is not there.
func notFound(v *VaultHandle) answer {
	return failure(http.StatusNotFound, "ResourceNotFound",
		"The Resource '"+v.spec.Kind.Type()+"/"+v.spec.Name+"' under resource group '"+v.spec.Group+
			"' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix")
}

// Bodies of errors that are none of {"error": {"code", "message"}}.

func wrapped(status int, code, message string) answer {
	return strict.JSON(status, object{"ErrorCode": code, "Message": object{"Language": "en-us", "Value": message},
		"Values": object{}})
}

func inner(status int, code, message string) answer {
	return strict.JSON(status, object{"error": object{"code": "BadRequest",
		"message":    "The request could not be carried out.",
		"innererror": object{"code": code, "message": message}}})
}

var (
	// CreatedProvisioning answers 201 with the vault as it is while it is changed, and
	// Azure-AsyncOperation alone, as the creations of 2026 do.
	CreatedProvisioning = told("201 Provisioning", func(in *request, v *VaultHandle, op *operation) answer {
		if !op.runs(in.Now) {
			return op.done(in)
		}
		op.told = true
		doc := v.read(in.Now)
		doc["properties"].(object)["provisioningState"] = "Provisioning"
		a := strict.JSON(http.StatusCreated, doc)
		a.Header.Set("Azure-AsyncOperation", op.accepted(in).Header.Get("Azure-AsyncOperation"))
		delete(v.s.links, op.result)
		op.result = ""
		return a
	})
	// Denied403 answers 403 in the place of a deny assignment, such as a deployment
	// stack makes: the roles of the identity do not matter.
	Denied403 = PatchFault{name: "403 deny assignment", next: afterDenied,
		reply: func(_ *request, v *VaultHandle, _ *operation) answer {
			return failure(http.StatusForbidden, "DenyAssignmentAuthorizationFailed",
				"The client '3f7c2a90-5d1e-4b86-9a34-c8e1f0d27b65' with object id "+
					"'3f7c2a90-5d1e-4b86-9a34-c8e1f0d27b65' "+
					"has permission to perform action '"+v.spec.Kind.Type()+"/write' on scope '"+v.ID()+
					"'; however, the access is denied because of the deny assignment with name "+
					"'Deny assignment '0c2f3b1e' created by Deployment Stack '"+groupID(v)+
					"/providers/Microsoft.Resources/deploymentStacks/base'.' and Id '0c2f3b1e' at scope '"+groupID(v)+
					"'.")
		}}
	// NotAcceptable answers 406 and not a word.
	NotAcceptable = PatchFault{name: "406", next: afterRefused, reply: only(http.StatusNotAcceptable)}
	// RefusedWrapped answers 400 with the body of an older service.
	RefusedWrapped = PatchFault{name: "400 wrapped", next: afterRefused, reply: always(func() answer {
		return wrapped(http.StatusBadRequest, "UserErrorSettingsNotValid", "The settings are not valid for this vault.")
	})}
	// RefusedInner answers 400 with what is useful in an inner error.
	RefusedInner = PatchFault{name: "400 inner", next: afterRefused, reply: always(func() answer {
		return inner(http.StatusBadRequest, "UserErrorSettingsNotValid", "The settings are not valid for this vault.")
	})}
	// CloudInternalError answers 500 in Azure Backup's words.
	CloudInternalError = PatchFault{name: "500 CloudInternalError", next: afterRefused, reply: always(func() answer {
		return failure(http.StatusInternalServerError, "CloudInternalError",
			"Microsoft Azure Backup encountered an internal error.")
	})}
)

// Polls that say nothing of the operation.
var (
	PollNoContent = PollFault{"204", func(*request, *operation) answer { return strict.Plain(http.StatusNoContent) }}
	PollVault     = PollFault{"the vault itself",
		func(in *request, op *operation) answer { return strict.JSON(http.StatusOK, op.v.read(in.Now)) }}
	PollWrapped = PollFault{"400 wrapped", func(*request, *operation) answer {
		return wrapped(http.StatusBadRequest, "OperationNotFound", "The operation is not known here.")
	}}
	PollForbidden = PollFault{"403", func(in *request, _ *operation) answer {
		return failure(http.StatusForbidden, "AuthorizationFailed", in.unauthorized())
	}}
)

// SlowDownInText answers 429 with the wait in the message alone, as it is met in
// the wild; to come earlier is no violation, for no header forbids it.
func SlowDownInText(d time.Duration) PatchFault {
	return PatchFault{name: "429 in text", next: afterNothing, reply: always(func() answer {
		return failure(http.StatusTooManyRequests, "ResourceRequestsThrottled", throttledWords("write", d))
	})}
}

func throttledWords(what string, d time.Duration) string {
	return fmt.Sprintf("Number of requests for action 'Microsoft.RecoveryServices/vaults/%s' exceeded the limit of "+
		"'50' for time interval '00:05:00'. "+
		"Please try again after '%d' seconds.", what, int(d.Round(time.Second)/time.Second))
}

// standing are the role assignments that apply to any vault: some 190, from the
// root down to the vault, none of which opens a key vault's data.
func (v *VaultHandle) standing() []*assignment {
	roles := []string{"b24988ac-6180-42a0-ab88-20f7382dd24c", "acdd72a7-3385-48ef-bd42-f606fba81ae7",
		"43d0d8ad-25c7-4714-9337-8ba259a9fe05", "4d97b98b-1d4f-4787-a291-c67834d212e7"}
	var out []*assignment
	for i, at := range []struct {
		scope string
		n     int
	}{{"/", 3}, {"/providers/Microsoft.Management/managementGroups/" + tenant, 12}, {"/subscriptions/" + v.sub.id, 160},
		{groupID(v), 14}, {v.ID(), 1}} {
		for j := range at.n {
			out = append(out, &assignment{name: fmt.Sprintf("b%07d-0000-4000-8000-%012d", i, j),
				role:          roles[j%len(roles)],
				principal:     fmt.Sprintf("c%07d-0000-4000-8000-%012d", i, j),
				principalType: []string{"ServicePrincipal", "User", "Group"}[j%3],
				scope:         at.scope, made: time.Date(2024, 3, 1, 9, 0, j, 0, time.UTC)})
		}
	}
	return out
}

// tags are the vault's; a recorded vault without any has no such field.
func (v *VaultHandle) tags() object {
	tags, _ := clone(v.doc["tags"]).(object)
	if tags == nil {
		tags = object{}
	}
	return tags
}
