package strictarm

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// setting is a kind that sets one word, the same for every vault.
type setting struct {
	provider string
	path     string   // of the word, with dots
	wants    any      // what it becomes
	was      any      // what a new vault has; nil: it does not say
	keeps    []string // sent along as the vault has them
	more     []any    // words that are more than what is wanted, for ever
	unset    any      // what is sent on the way back where nothing was set; nil: there is no way back
	from     []any    // the only words that a kind starts from which nothing undoes
	cutsOff  bool     // not without consent where the vault has no private endpoint
	rules    bool     // the subscription's alert processing rules are to be read first
}

// The kinds of Backup vaults (azure-rest-api-specs, dataprotection.json 2026-06-01, BackupVaults_Update: the
// definitions PatchBackupVaultInput, SecuritySettings and MonitoringSettings, and the example
// PatchBackupVault).
const (
	DPAlerts             Kind = "dp-alerts"
	DPImmutability       Kind = "dp-immutability"
	DPImmutabilityLock   Kind = "dp-immutability-lock"
	DPSoftDelete         Kind = "dp-soft-delete"
	DPSoftDeleteAlwaysOn Kind = "dp-soft-delete-always-on"
)

// The other kinds that set one word (azure-rest-api-specs, the definitions VaultProperties and SecuritySettings of
// Recovery Services, VaultPatchProperties of Key Vault).
const (
	SoftDelete      Kind = "rsv-soft-delete"
	PublicAccess    Kind = "rsv-public-access"
	PurgeProtection Kind = "kv-purge-protection"
	KeyVaultPublic  Kind = "kv-public-access"
)

const (
	dataProtection = "Microsoft.DataProtection"
	softDeletePath = "securitySettings.softDeleteSettings"
	retentionPath  = softDeletePath + ".retentionDurationInDays"
)

var settings = map[Kind]setting{
	SoftDelete: {provider: recoveryServices, path: softDeletePath + ".softDeleteState", wants: "Enabled",
		was: "Disabled", more: []any{"AlwaysON"},
		keeps: []string{softDeletePath + ".softDeleteRetentionPeriodInDays"}},
	PublicAccess: {provider: recoveryServices, path: "publicNetworkAccess", wants: "Disabled", was: "Enabled",
		cutsOff: true},
	PurgeProtection: {provider: keyVault, path: "enablePurgeProtection", wants: true, from: []any{nil, false}},
	KeyVaultPublic: {provider: keyVault, path: "publicNetworkAccess", wants: "Disabled", was: "Enabled",
		unset: "Enabled", cutsOff: true},
	DPAlerts: {provider: dataProtection, path: "monitoringSettings.azureMonitorAlertSettings.alertsForAllJobFailures",
		wants: "Enabled", was: "Disabled", rules: true},
	DPImmutability: {provider: dataProtection, path: immutabilityPath + ".state", wants: "Unlocked", was: "Disabled",
		more: []any{"Locked"}, unset: "Disabled"},
	DPImmutabilityLock: {provider: dataProtection, path: immutabilityPath + ".state", wants: "Locked", was: "Unlocked",
		from: []any{"Unlocked"}},
	DPSoftDelete: {provider: dataProtection, path: softDeletePath + ".state", wants: "On", was: "Off",
		more: []any{"AlwaysOn"}, keeps: []string{retentionPath}},
	DPSoftDeleteAlwaysOn: {provider: dataProtection, path: softDeletePath + ".state", wants: "AlwaysOn", was: "On",
		from: []any{"On", "ON"}, keeps: []string{retentionPath}},
}

// Type is the type of the kind's vaults.
func (k Kind) Type() string {
	if k.provider() == dataProtection {
		return dataProtection + "/backupVaults"
	}
	return k.provider() + "/vaults"
}

// collection is the last part of the type.
func (k Kind) collection() string { return strings.TrimPrefix(k.Type(), k.provider()+"/") }

// of is an object with a value at a dotted path.
func of(path string, value any) object {
	o := object{}
	set(o, path, value)
	return o
}

// kept adds to a body what the vault has and keeps, with the numbers of a body.
func (s setting) kept(wants, has object) object {
	out := clone(wants).(object)
	for _, path := range s.keeps {
		var same any
		if data, err := json.Marshal(at(has, path)); err == nil {
			_ = json.Unmarshal(data, &same) // it was JSON a moment ago
		}
		if same != nil {
			set(out, path, same)
		}
	}
	return out
}

// reached reports whether a word is what is wanted, or more. The service was recorded to write one in two cases.
func (s setting) reached(word any) bool {
	text, isText := word.(string)
	return word == s.wants || slices.ContainsFunc(append([]any{s.wants}, s.more...), func(w any) bool {
		want, ok := w.(string)
		return isText && ok && strings.EqualFold(text, want)
	})
}

// judge finds what a PATCH does that the vault's word forbids.
func (s setting) judge(in *request, v *VaultHandle) {
	word := at(v.properties(), s.path)
	switch {
	case v.rollback && (s.from != nil || slices.Contains(s.more, word)):
		in.Problem("PATCH to take back what is for ever")
	case v.rollback:
	case s.cutsOff && at(v.properties(), "privateEndpointConnections") == nil && !v.spec.AcceptWarnings:
		in.Problem("PATCH that cuts off who uses the vault, without consent")
	case s.from != nil && s.path == "enablePurgeProtection" && at(v.properties(), "enableSoftDelete") == false:
		in.Problem("PATCH to protect from a purge what is not even kept")
	case s.rules && !in.sub.rulesRead:
		in.Problem("PATCH before the subscription's alert processing rules were read")
	case s.from != nil && !slices.Contains(s.from, word):
		in.Problem("PATCH for ever of a vault whose %s is %v, none of %v", s.path, word, s.from)
	}
}

// turnedOff is the recorded refusal to turn a soft delete off that is always on.
func (v *VaultHandle) turnedOff(properties object) *PatchFault {
	to := at(properties, softDeletePath+".state")
	from := at(v.properties(), softDeletePath+".state")
	if v.spec.Kind.provider() != dataProtection || from != "AlwaysOn" || to == nil || to == "AlwaysOn" {
		return nil
	}
	return refuse(400, "UserErrorDisableSoftDeleteNotAllowed", "Cannot disable soft delete once set to AlwaysOn")
}

// recordedBackupVault are the properties of a Backup vault that was made in September 2026 and left as it was
// (Azure/azure-powershell, src/DataProtection, New-AzDataProtectionBackupVault.Recording.json).
func recordedBackupVault() object {
	return object{
		"provisioningState": "Succeeded", "isVaultProtectedByResourceGuard": false,
		"storageSettings":  []any{object{"datastoreType": "VaultStore", "type": "LocallyRedundant"}},
		"securitySettings": object{"softDeleteSettings": object{"state": "On", "retentionDurationInDays": 14.0}},
		"secureScore":      "None", "bcdrSecurityLevel": "Poor", "replicatedRegions": []any{},
		"regionOfChoiceSettings": object{"status": "NotApplicable"},
		"costManagementSettings": object{"granularityLevel": "VaultLevel"},
	}
}

// written is a document as its service writes it: of a Backup vault with the decimal of whole days.
func (v *VaultHandle) written(doc object) object {
	if days, ok := at(doc, "properties."+retentionPath).(float64); ok {
		set(doc, "properties."+retentionPath, json.RawMessage(strconv.FormatFloat(days, 'f', 1, 64)))
	}
	return doc
}

// standsTimed is how an operation on a Backup vault was recorded to stand: with times, and the year 1 for the end
// of one that goes on.
func (op *operation) standsTimed(now time.Time) answer {
	path, _, _ := strings.Cut(op.status, "?")
	body := object{"id": path, "name": op.id, "status": "Inprogress", "endTime": "0001-01-01T00:00:00Z",
		"startTime": op.start.UTC().Format(time.RFC3339Nano)}
	if !op.runs(now) {
		body["status"], body["endTime"] = op.outcome.status, op.end.UTC().Format(time.RFC3339)
	}
	if !op.runs(now) && op.outcome.code != "" {
		body["error"] = object{"code": op.outcome.code, "message": op.outcome.message}
	}
	return strict.JSON(200, body)
}
