package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// The headers of a notification. The signature is over the time's text, a full
// stop, and the body.
const (
	HeaderTimestamp = "X-Fleetup-Timestamp" // Unix time, in seconds
	HeaderSignature = "X-Fleetup-Signature" // sha256=HEX
	HeaderID        = "X-Fleetup-Event-Id"
)

// Sign is the signature of a body sent at a time.
func Sign(secret []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// sign puts the time and, where there is a secret, the signature on a request.
func sign(h http.Header, secret []byte, now time.Time, body []byte) {
	stamp := strconv.FormatInt(now.Unix(), 10)
	h.Set(HeaderTimestamp, stamp)
	if len(secret) > 0 {
		h.Set(HeaderSignature, Sign(secret, stamp, body))
	}
}

// Fresh is how far a notification's time may be from the receiver's.
const Fresh = 5 * time.Minute

// Verify checks a notification that a receiver got: that its body is what was
// signed with the secret, and that it is not an old one sent again. Whoever
// receives with something else than Go does the same (docs/notifications.md).
func Verify(secret []byte, h http.Header, body []byte, now time.Time) error {
	stamp := h.Get(HeaderTimestamp)
	if !hmac.Equal([]byte(Sign(secret, stamp, body)), []byte(h.Get(HeaderSignature))) {
		return errors.New("the signature is not that of the secret, the time and the body")
	}
	sent, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fmt.Errorf("the time %q is no Unix time", stamp)
	}
	if now.Sub(time.Unix(sent, 0)).Abs() > Fresh {
		return errors.New("the notification is not of now")
	}
	return nil
}
