package azure

import (
	"net/http"
	"strconv"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
)

// hearWait gives a 429 whose wait stands only in its message the header that it
// lacks, so that whoever waits (the retries of reads, the Pacer, the engine)
// hears the same.
func hearWait(resp *http.Response, body []byte, now time.Time) {
	if resp.StatusCode != http.StatusTooManyRequests || RetryAfter(resp.Header, now) > 0 {
		return
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		now = date
	}
	message := ReadErrorBody(body).Message
	if message == "" {
		message = string(body[:min(len(body), maxPlainWait)]) // no error that is known; plain text perhaps
	}
	if d := text.WaitIn(message, now); d > 0 {
		resp.Header.Set("Retry-After-Ms", strconv.FormatInt(max(d.Milliseconds(), 1), 10))
	}
}

// maxPlainWait is how many bytes of a body that is no known error are searched.
const maxPlainWait = 4 << 10
