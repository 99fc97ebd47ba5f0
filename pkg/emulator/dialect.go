package emulator

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The shapes in which the Resource Manager side speaks of today's vaults.
//
// The recorded ones follow what the service answered to Azure's own command line,
// whose tests publish it: Azure/azure-cli, src/azure-cli/azure/cli/command_modules/
// backup/tests/latest/recordings, of 2026 test_backup_vault_source_scan_configuration.yaml
// (API version 2026-07-01) and test_vault_soft_delete_basic.yaml (2026-05-01); for
// key vaults keyvault/tests/latest/recordings/test_keyvault_mgmt.yaml. The third is
// that of the published REST examples, which the service does not keep to.
const (
	shapeRecorded2026  = "recorded-2026"
	shapeRecorded2024  = "recorded-2024" // as 2026, with the vaults of two years before
	shapeSpecification = "specification"
)

var shapes = []string{shapeRecorded2026, shapeRecorded2024, shapeSpecification}

// recorded reports whether the cloud speaks as it was recorded.
func (c *Cloud) recorded() bool { return c.shape != shapeSpecification }

// operationParts are the parts of the query that an address of an operation has
// besides the API version: where it is signed a time in ticks, a certificate, a
// signature and a hash.
func (c *Cloud) operationParts() []string {
	if !c.recorded() {
		return nil
	}
	return []string{"t", "c", "s", "h"}
}

// address is where one of the two resources that follow an operation is found, as
// it is handed out at a time. The recorded ones are between 3.1 and 3.7 KB long.
func (c *Cloud) address(q *request, id, kind string, at time.Time) string {
	path := (&url.URL{Path: q.resource.id() + "/" + kind + "/" + id}).EscapedPath()
	out := q.origin + path + "?api-version=" + q.version
	if !c.recorded() {
		return out
	}
	ticks := strconv.FormatInt(at.UnixNano()/100+ticksTo1970, 10)
	s, h := c.signature(q.resource, kind, id, q.version, ticks)
	return out + "&t=" + ticks + "&c=" + c.certificate(q.resource) + "&s=" + s + "&h=" + h
}

// ticksTo1970 are the hundreds of nanoseconds from the year 1 to 1970.
const ticksTo1970 = 621355968000000000

// signature is what makes an address one that this cloud has handed out.
func (c *Cloud) signature(r *resource, kind, id, version, ticks string) (s, h string) {
	of := []string{"signature", r.key, strings.ToLower(kind), id, version, ticks}
	return text64(c.seed, 256, of...), text64(c.seed, 32, append(of, "hash")...)
}

// certificate stands for the one that a region signs with.
func (c *Cloud) certificate(r *resource) string {
	region := normalize(r.Location)
	size := 2041
	if share(0, "certificate", region) < 0.3 {
		size = 1992
	}
	// The beginning of a certificate in DER: a sequence that holds a sequence.
	n := size - 4
	return base64.RawURLEncoding.EncodeToString(append([]byte{0x30, 0x82, byte(n >> 8), byte(n), 0x30, 0x82},
		stream(0, size-6, "certificate", region)...))
}

// text64 is so many bytes that look like chance, in base64 as addresses have it.
func text64(seed int64, size int, parts ...string) string {
	return base64.RawURLEncoding.EncodeToString(stream(seed, size, parts...))
}

// stream is so many bytes that look like chance.
func stream(seed int64, size int, parts ...string) []byte {
	out := make([]byte, 0, size+32)
	for i := 0; len(out) < size; i++ {
		d := digest(seed, append(parts, strconv.Itoa(i)))
		out = append(out, d[:]...)
	}
	return out[:size]
}

// forged checks the address at which an operation is asked for: it must be one that
// was handed out, whichever and however long ago. What the service says to another
// one is in no source.
func (c *Cloud) forged(q *request, r *http.Request) *problem {
	if !c.recorded() || q.call != callOperation || q.resource == nil {
		return nil
	}
	kind, query := "operationStatus", r.URL.Query()
	if q.outcome {
		kind = "operationResults"
	}
	s, h := c.signature(q.resource, kind, q.operation, q.version, query.Get("t"))
	if query.Get("s") != s || query.Get("h") != h || query.Get("c") != c.certificate(q.resource) {
		return mistake(http.StatusBadRequest, "InvalidOperationAddress",
			"The address of an operation must be asked as it was handed out, to the letter; t, c, s and h belong to "+
				"it.")
	}
	return nil
}

// operationID is the name of an operation: as recorded a number and a GUID in
// base64, in the published examples two GUIDs.
func (c *Cloud) operationID(parts ...string) string {
	one := guid(c.seed, append(parts, "operation")...)
	if !c.recorded() {
		two := guid(c.seed, append(parts, "activity")...)
		return base64.StdEncoding.EncodeToString([]byte(one + ";" + two))
	}
	number := 1000 + int(share(c.seed, append(parts, "number")...)*3096)
	return base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(number) + ";" + one))
}

// stands is the body that says how an operation stands. As recorded it has three
// fields and no times, and its last word may be in lower case; of a Backup vault it
// has times, the end of one that goes on being the year 1, and a word of its own.
func (c *Cloud) stands(q *request, ch *change, at time.Time) []byte {
	status := ch.status(at)
	id := q.resource.id() + "/operationStatus/" + ch.ID
	if timed := q.resource.kind.times; timed || !c.recorded() {
		out := object{"id": id, "name": ch.ID, "status": status, "startTime": ch.AcceptedAt.Format(time.RFC3339Nano)}
		switch {
		case status != changeInProgress:
			out["endTime"] = ch.EndsAt.Format(time.RFC3339Nano)
		case timed && c.recorded():
			out["status"], out["endTime"] = "Inprogress", time.Time{}.Format(time.RFC3339)
		}
		if status == changeFailed {
			out["error"] = object{"code": ch.Code, "message": ch.Message}
		}
		return asJSON(out)
	}
	if status != changeInProgress && share(c.seed, "case", ch.ID) < 0.2 {
		status = strings.ToLower(status)
	}
	type failure struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	out := struct {
		ID     string   `json:"id"`
		Name   string   `json:"name"`
		Status string   `json:"status"`
		Error  *failure `json:"error,omitempty"`
	}{ID: id, Name: ch.ID, Status: status}
	if ch.status(at) == changeFailed {
		out.Error = &failure{ch.Code, ch.Message}
	}
	body, err := json.MarshalIndent(out, "", "  ")
	if err != nil { // strings cannot fail
		return []byte("{}")
	}
	return bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))
}

// etag is a vault's, which changes with it.
func (c *Cloud) etag(r *resource, version int, at time.Time) string {
	if !c.recorded() {
		return `W/"` + guid(int64(version), "etag", r.key) + `"`
	}
	return `W/"datetime'` + strings.ReplaceAll(at.UTC().Format("2006-01-02T15:04:05.0000000Z"), ":", "%3A") + `'"`
}

// more are the words that send a reader of a 404 to a page.
func (c *Cloud) more() string {
	if !c.recorded() {
		return ""
	}
	return " For more details please go to https://aka.ms/ARMResourceNotFoundFix"
}
