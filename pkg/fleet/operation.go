package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// Operation is a long-running operation of the Resource Manager as the journal
// keeps it: enough for another process, of another version, to follow it. The
// URLs are without scheme and host, which are the cloud's of the ledger.
//
// The real ones are signed: 3.1 to 3.7 KB each, with the parameters t, c, s and h
// (Azure/azure-cli, recording test_backup_vault_source_scan_configuration.yaml of
// 2026-09-09). Whoever has one may ask how the operation stands without a role for
// it. So an operation is written as JSON without its signatures, into journals,
// exports and whatever else: see Seal.
type Operation struct {
	StatusURL string `json:"statusUrl,omitempty"` // Azure-AsyncOperation: tells how it stands
	ResultURL string `json:"resultUrl,omitempty"` // Location: answers 202 until it is over
	// Final says which of the two has the last word. With FinalLocation an
	// operation that the status calls done is over once the result says so too.
	Final FinalState `json:"final,omitempty"`
	// RetryAfter is how long the answer asked to wait before the first look.
	RetryAfter time.Duration `json:"retryAfterNs,omitempty"`
	// Unfollowed says why there is no URL at all: the service took the request, named
	// nothing that can be asked how it stands, and the vault alone tells. It is fit to
	// be shown.
	Unfollowed string `json:"unfollowed,omitempty"`
	// Sealed is set where the URLs are without their signatures, and cannot be
	// asked: SHA-256 over what Open wants, in hex.
	Sealed string `json:"sealed,omitempty"`
}

// FinalState names where an operation's last word is to be read.
type FinalState string

// The rules for an operation's last word.
const (
	FinalStatus   FinalState = "azure-async-operation"
	FinalLocation FinalState = "location"
)

// Seal parts an operation into what anybody may see of it, and what opens it
// again: empty where its URLs have no signature, or have lost them already.
func (o Operation) Seal() (shown Operation, key []byte) {
	status, result := unsigned(o.StatusURL), unsigned(o.ResultURL)
	if o.Sealed != "" || status == o.StatusURL && result == o.ResultURL {
		return o, nil
	}
	key = []byte(o.StatusURL + "\n" + o.ResultURL) // no URL holds a line break
	sum := sha256.Sum256(key)
	o.StatusURL, o.ResultURL, o.Sealed = tail(status), tail(result), hex.EncodeToString(sum[:])
	return o, key
}

// Open gives a sealed operation its signatures back; false, and nothing changed,
// where that is not the key it was sealed with.
func (o *Operation) Open(key []byte) bool {
	sum := sha256.Sum256(key)
	status, result, ok := strings.Cut(string(key), "\n")
	if !ok || hex.EncodeToString(sum[:]) != o.Sealed {
		return false
	}
	o.StatusURL, o.ResultURL, o.Sealed = status, result, ""
	return true
}

// WhyUnfollowed is Unfollowed, of an operation or of none.
func (o *Operation) WhyUnfollowed() string {
	if o == nil {
		return ""
	}
	return o.Unfollowed
}

// Followable is the operation where it can be asked, nil where only the vault can
// tell.
func (o *Operation) Followable() *Operation {
	if o == nil || o.Sealed != "" || o.Unfollowed != "" {
		return nil
	}
	return o
}

// MarshalJSON writes what anybody may see.
func (o Operation) MarshalJSON() ([]byte, error) {
	type plain Operation
	shown, _ := o.Seal()
	return json.Marshal(plain(shown))
}

// tail is what tells an operation's URL from that of another operation on the same
// vault: its last two segments. A sealed URL is only shown, and a journal has one
// for each start.
func tail(address string) string {
	path, query, _ := strings.Cut(address, "?")
	at := len(path)
	for range 2 {
		if at = strings.LastIndexByte(path[:at], '/'); at <= 0 {
			return address
		}
	}
	path = "…" + path[at:]
	if query != "" {
		path += "?" + query
	}
	return path
}

// unsigned is a URL without all parameters but api-version, which is public: what
// another parameter is for, nobody has said.
func unsigned(address string) string {
	path, query, ok := strings.Cut(address, "?")
	if !ok {
		return address
	}
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		if name, err := url.QueryUnescape(name); err == nil && strings.EqualFold(name, "api-version") {
			kept = append(kept, part)
		}
	}
	if len(kept) == 0 {
		return path
	}
	return path + "?" + strings.Join(kept, "&")
}
