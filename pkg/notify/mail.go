package notify

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail"

	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// How large a report may be that goes along: servers refuse messages of 10 to 50 MB, and a
// third is added by the encoding.
const (
	mostPlain  = 2 << 20 // above it is compressed
	mostPacked = 6 << 20 // above it is left out
)

// mailbox is where an e-mail goes, and how.
type mailbox struct {
	host           string
	port           int
	implicit       bool // TLS from the beginning; else by STARTTLS
	plain          bool // to loopback: no TLS
	user, password string
	from           string
	to             []string
}

// parseMailbox reads smtps://USER:PASSWORD@HOST:PORT/?from=ADDRESS&to=ADDRESS, or smtp://
// for STARTTLS, without which nothing is sent but to loopback. No error quotes it.
func parseMailbox(u *url.URL) (*mailbox, error) {
	m := &mailbox{host: u.Hostname(), implicit: u.Scheme == "smtps"}
	switch {
	case m.host == "" || u.Scheme != "smtp" && u.Scheme != "smtps":
		return nil, errors.New("the URL of the mail target must be smtps://HOST/?from=ADDRESS&to=ADDRESS, or smtp:// " +
			"for STARTTLS")
	case u.Path != "" && u.Path != "/" || u.Fragment != "":
		return nil, errors.New("the URL of the mail target has more than a host and ?from=ADDRESS&to=ADDRESS; a " +
			"special character in its password is percent-encoded")
	}
	m.plain = !m.implicit && plan.IsLoopback(m.host)
	m.port = map[bool]int{true: 465, false: 587}[m.implicit]
	if p := u.Port(); p != "" {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > 65535 {
			return nil, errors.New("the port of the mail target is none")
		}
		m.port = n
	}
	if u.User != nil {
		m.user = u.User.Username()
		m.password, _ = u.User.Password()
		if m.user == "" || m.password == "" {
			return nil, errors.New("the URL of the mail target has a user or a password, and not both")
		}
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("the query of the mail target's URL cannot be read")
	}
	for name := range q {
		if name != "from" && name != "to" {
			return nil, errors.New("the query of the mail target's URL has something else than from and to")
		}
	}
	probe := mail.NewMsg()
	for _, list := range q["to"] {
		for a := range strings.SplitSeq(list, ",") {
			if a = strings.TrimSpace(a); a == "" || probe.To(a) != nil {
				return nil, errors.New("a to of the mail target is no address")
			}
			m.to = append(m.to, a)
		}
	}
	if from := q["from"]; len(from) == 1 {
		m.from = strings.TrimSpace(from[0])
	}
	switch {
	case len(m.to) == 0:
		return nil, errors.New("the mail target has no to=ADDRESS")
	case m.from == "" || probe.From(m.from) != nil:
		return nil, errors.New("the mail target has no from=ADDRESS, or one that is none")
	}
	return m, nil
}

// mailOf makes the message, with the report where the notification has one that is not too
// large.
func mailOf(m *mailbox, e Event) (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := errors.Join(msg.From(m.from), msg.To(m.to...)); err != nil {
		return nil, errors.New("an address of it is none") // it was one when it was read
	}
	subject := "fleetup: " + title(e)
	if of := e.Data.Inventory; of != nil {
		subject += ", " + *of
	}
	msg.Subject(lexicon.Clean(subject))
	msg.SetDateWithValue(e.At)
	id := sha256.Sum256([]byte(e.ID)) // the same however often it is sent
	msg.SetMessageIDWithValue(hex.EncodeToString(id[:16]) + "@fleetup.invalid")
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader(HeaderID, lexicon.Clean(e.ID))
	text := mailText(e)
	if e.report != nil {
		name, data, why := attached(e)
		if why != "" {
			text += "\nThe report is not attached: " + why + ".\n"
		} else if err := msg.AttachReader(name, bytes.NewReader(data)); err != nil {
			return nil, errors.New("the report cannot be attached")
		}
	}
	msg.SetBodyString(mail.TypeTextPlain, text)
	return msg, nil
}

// attached is the report of a notification as a file, or why there is none.
func attached(e Event) (name string, data []byte, why string) {
	data, err := e.report()
	if err != nil {
		return "", nil, lexicon.Clean(err.Error())
	}
	name = "fleetup-" + e.Data.RunID + ".html"
	if len(data) <= mostPlain {
		return name, data, ""
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(data)
	if err = errors.Join(err, z.Close()); err != nil {
		return "", nil, err.Error()
	}
	if packed.Len() > mostPacked {
		return "", nil, fmt.Sprintf("it has %d MB, and still %d when it is compressed", len(data)>>20, packed.Len()>>20)
	}
	return name + ".gz", packed.Bytes(), ""
}
