package notify

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"
)

const mailSecret = "p4ss~word/only#here"

// mailServer speaks as much SMTP (RFC 5321, 3207, 4954) as a client needs, over real
// connections on loopback.
type mailServer struct {
	t        *testing.T
	listener net.Listener
	tls      *tls.Config // of STARTTLS, or of the whole connection
	implicit bool
	deaf     bool              // it answers nothing
	answers  map[string]string // by command, in place of the usual
	mu       sync.Mutex
	got      []string // commands, of AUTH the credentials
	messages []string
	conns    []net.Conn
	running  sync.WaitGroup
}

func serveMail(t *testing.T, s *mailServer) *mailServer {
	t.Helper()
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.t = t
	s.running.Go(func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
			s.running.Go(func() { s.talk(conn) })
		}
	})
	t.Cleanup(func() {
		s.listener.Close()
		s.mu.Lock()
		for _, c := range s.conns {
			c.Close()
		}
		s.mu.Unlock()
		s.running.Wait()
	})
	return s
}

func (s *mailServer) talk(conn net.Conn) {
	defer func() { conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	if s.deaf {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	if s.implicit {
		conn = tls.Server(conn, s.tls)
	}
	r := bufio.NewReader(conn)
	say := func(text string) { fmt.Fprintf(conn, "%s\r\n", text) }
	say("220 mail.example ESMTP")
	secure := s.implicit
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		s.mu.Lock()
		s.got = append(s.got, line)
		answer := s.answers[verb]
		s.mu.Unlock()
		switch {
		case answer != "":
			say(answer)
		case verb == "EHLO":
			fmt.Fprint(conn, "250-mail.example\r\n")
			if s.tls != nil && !secure {
				fmt.Fprint(conn, "250-STARTTLS\r\n")
			}
			if secure || s.tls == nil {
				fmt.Fprint(conn, "250-AUTH PLAIN\r\n")
			}
			say("250 8BITMIME")
		case verb == "STARTTLS":
			say("220 go ahead")
			conn = tls.Server(conn, s.tls)
			r, secure = bufio.NewReader(conn), true
		case verb == "AUTH":
			say("235 welcome")
		case verb == "DATA":
			say("354 end with a dot")
			var message strings.Builder
			for {
				l, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if l == ".\r\n" {
					break
				}
				message.WriteString(strings.TrimPrefix(l, "."))
			}
			s.mu.Lock()
			s.messages = append(s.messages, message.String())
			s.mu.Unlock()
			say("250 queued")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

// certified is a certificate of loopback, and who trusts it.
func certified(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}

func finished(report func() ([]byte, error)) Event {
	inventory, code, verdict := "night\r\nBcc: everybody@example.com.yaml", 3, "failures"
	e := Event{ID: "20260316-1100-3f/24", Kind: Finished, At: time.Date(2026, 3, 17, 4, 0, 0, 0, time.UTC),
		Subject: "run", Data: Data{SchemaVersion: 1, RunID: "20260316-1100-3f", Title: "RUN FINISHED",
			UpgradeKind: "classic", Sentence: "Grüße: 2 of 3 vaults are upgraded.\x1b[2J", Inventory: &inventory,
			ExitCode: &code, Verdict: &verdict}}
	if report != nil {
		e = e.WithReport(report)
	}
	return e
}

// parts reads a message back: its text, and its attachments by name.
func parts(t *testing.T, raw string) (m *mail.Message, text string, files map[string][]byte) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	decoded := func(r io.Reader, encoding string) []byte {
		switch encoding {
		case "quoted-printable":
			r = quotedprintable.NewReader(r)
		case "base64":
			r = base64.NewDecoder(base64.StdEncoding, r)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if kind == "text/plain" {
		return m, string(decoded(m.Body, m.Header.Get("Content-Transfer-Encoding"))), nil
	}
	files = map[string][]byte{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return m, text, files
		}
		if err != nil {
			t.Fatal(err)
		}
		data := decoded(p, p.Header.Get("Content-Transfer-Encoding"))
		if name := p.FileName(); name != "" {
			files[name] = data
		} else {
			text = string(data)
		}
	}
}

// TestMail: the message arrives over TLS from the beginning, by STARTTLS, and on loopback
// without; signed in where the URL has a user; with the report, which is compressed where it
// is large and left out where it is too large, and with nothing that a name could add to its
// head.
func TestMail(t *testing.T) {
	t.Parallel()
	config, roots := certified(t)
	random := make([]byte, mostPacked+1<<20)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	const page = "fleetup-20260316-1100-3f.html"
	large := bytes.Repeat([]byte("<p>vault</p>\n"), 1<<18)
	for name, c := range map[string]struct {
		server    *mailServer
		scheme    string
		user      bool
		report    func() ([]byte, error)
		file, has string // the attachment's name, and what it begins with
		says      string // in the text
	}{
		"TLS": {&mailServer{tls: config, implicit: true}, "smtps", true,
			func() ([]byte, error) { return []byte("<html>night"), nil }, page, "<html>night", ""},
		"STARTTLS, large": {&mailServer{tls: config}, "smtp", true, func() ([]byte, error) { return large, nil },
			page + ".gz", "<p>vault</p>\n<p>vault", ""},
		"plain to loopback, too large": {&mailServer{}, "smtp", false,
			func() ([]byte, error) { return random, nil }, "", "",
			"The report is not attached: it has 7 MB, and still 7 when it is compressed."},
		"no report": {&mailServer{}, "smtp", false, nil, "", "", "Budget used: 0 of 0"},
		"a report that cannot be made": {&mailServer{}, "smtp", false,
			func() ([]byte, error) { return nil, errors.New("no\x07 room") }, "", "",
			`The report is not attached: no\x07 room.`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serveMail(t, c.server)
			sign := ""
			if c.user {
				sign = "ops%40fabrikam.example:" + strings.NewReplacer("/", "%2F", "#", "%23").Replace(mailSecret) + "@"
			}
			scheme := c.scheme
			host := s.listener.Addr().String()
			target, err := ParseTarget(fmt.Sprintf("mail=%s://%s%s/?from=night@fabrikam.example"+
				"&to=a@fabrikam.example,b@fabrikam.example", scheme, sign, host))
			if err != nil {
				t.Fatal(err)
			}
			if s.tls != nil && !s.implicit {
				target.mail.plain = false // as of a host that is not loopback
			}
			lost := make(chan Loss, 1)
			d := NewDispatcher(Options{Targets: []Target{target}, Roots: roots, Lost: func(l Loss) { lost <- l }})
			d.Tell(finished(c.report))
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if losses, _ := d.Close(ctx); len(losses) > 0 || len(s.messages) != 1 {
				t.Fatalf("%v; %d messages; it was told %q", losses, len(s.messages), s.got)
			}
			all := strings.Join(s.got, "\n")
			for _, want := range []string{"MAIL FROM:<night@fabrikam.example>", "RCPT TO:<a@fabrikam.example>",
				"RCPT TO:<b@fabrikam.example>"} {
				if !strings.Contains(all, want) {
					t.Errorf("it was not told %q: %q", want, s.got)
				}
			}
			auth := base64.StdEncoding.EncodeToString([]byte("\x00ops@fabrikam.example\x00" + mailSecret))
			if strings.Contains(all, "AUTH PLAIN "+auth) != c.user {
				t.Errorf("it signed in: %v, want %v; %q", !c.user, c.user, s.got)
			}
			m, text, files := parts(t, s.messages[0])
			subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
			if err != nil ||
				subject != `fleetup: RUN FINISHED: failures, night\x0d\x0aBcc: everybody@example.com.yaml` ||
				m.Header.Get("Bcc") != "" || m.Header.Get("Auto-Submitted") != "auto-generated" {
				t.Errorf("subject %q, %v; head %v", subject, err, m.Header)
			}
			if !strings.HasPrefix(text, "Grüße: 2 of 3 vaults are upgraded."+`\x1b[2J`) ||
				!strings.Contains(text, c.says) {
				t.Errorf("it says\n%s\nwant %s", text, c.says)
			}
			if len(files) != map[bool]int{true: 1}[c.file != ""] {
				t.Fatalf("%d attachments", len(files))
			}
			data := files[c.file]
			if strings.HasSuffix(c.file, ".gz") {
				z, err := gzip.NewReader(bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				if data, err = io.ReadAll(z); err != nil || len(data) != len(large) {
					t.Errorf("%d bytes, %v", len(data), err)
				}
			}
			if !strings.HasPrefix(string(data), c.has) {
				t.Errorf("%s begins with %.30q", c.file, data)
			}
		})
	}
}

// TestMailRefused: what a server says no to is told by its code, without a word of the server's
// or a secret; what may pass is tried again, what may not is final.
func TestMailRefused(t *testing.T) {
	t.Parallel()
	config, roots := certified(t)
	over := func(command, answer string) *mailServer {
		return &mailServer{tls: config, implicit: true, answers: map[string]string{command: answer}}
	}
	nobody := x509.NewCertPool()
	for name, c := range map[string]struct {
		server *mailServer
		roots  *x509.CertPool
		why    string
		final  bool
	}{
		"a wrong password": {over("AUTH", "535 no, "+mailSecret), roots, "SMTP 535: it refused the sign-in", true},
		"an unknown recipient": {over("RCPT", "550 who is "+mailSecret), roots,
			"SMTP 550: it refused the message", true},
		"greylisted":           {over("RCPT", "451 later"), roots, "SMTP 451: not now", false},
		"too large":            {over("DATA", "552 too large"), roots, "SMTP 552: it refused the message", true},
		"an unknown authority": {over("DATA", "250 never"), nobody, "its certificate is not trusted: ", false},
		"by STARTTLS, too":     {&mailServer{tls: config}, nobody, "its certificate is not trusted: ", false},
		"no STARTTLS":          {&mailServer{}, roots, "it offers no TLS (STARTTLS)", true},
		"no sign-in of ours": {over("EHLO", "250 8BITMIME"), roots,
			"it takes none of the sign-ins that there are", true},
		"no SMTP": {&mailServer{answers: map[string]string{"EHLO": "gibberish", "HELO": "gibberish"}}, roots,
			"it broke off, or answered with something that is not SMTP", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serveMail(t, c.server)
			scheme := "smtp"
			if s.implicit {
				scheme = "smtps"
			}
			target, err := ParseTarget("mail=" + scheme + "://ops:p4ss~word%2Fonly%23here@" +
				s.listener.Addr().String() + "/?from=night@fabrikam.example&to=a@fabrikam.example")
			if err != nil {
				t.Fatal(err)
			}
			target.mail.plain = false // as of a host that is not loopback
			tried := Try(t.Context(), Options{Targets: []Target{target}, Roots: c.roots}, "alex", time.Now())[0]
			if !strings.HasPrefix(tried.Why, c.why) || tried.Refused != c.final ||
				strings.Contains(tried.Why, mailSecret) ||
				strings.Contains(fmt.Sprintf("%v %+v %#v", target, target, target), mailSecret) {
				t.Errorf("%q, final %v; want %q", tried.Why, tried.Refused, c.why)
			}
		})
	}
}

// TestMailTargets: what cannot be one is told, and never quoted.
func TestMailTargets(t *testing.T) {
	t.Parallel()
	const from, to = "from=a@b.example", "&to=c@d.example"
	for _, c := range []struct{ text, want string }{
		{"smtps://ops:p4ss@mail.example/?" + from + to, ""},
		{"smtp://mail.example:25?from=Night+%3Ca@b.example%3E" + to + "&to=e@f.example", ""},
		{"https://mail.example/?" + from + to, "must be smtps://HOST"},
		{"smtps:///?" + from + to, "must be smtps://HOST"},
		{"smtps://mail.example/box?" + from + to, "more than a host"},
		{"smtps://ops:p4ss#word@mail.example/?" + from + to, ""},
		{"smtps://ops@mail.example/?" + from + to, "a user or a password, and not both"},
		{"smtps://mail.example/?" + from, "has no to=ADDRESS"},
		{"smtps://mail.example/?to=a@b.example", "has no from=ADDRESS"},
		{"smtps://mail.example/?from=p4ss" + to, "has no from=ADDRESS, or one that is none"},
		{"smtps://mail.example/?" + from + "&to=p4ss", "a to of the mail target is no address"},
		{"smtps://mail.example/?" + from + to + "&cc=p4ss", "something else than from and to"},
		{"smtps://mail.example/?" + from + to + "%0d%0aBcc:p4ss@example.com",
			"a to of the mail target is no address"},
		{"smtps://mail.example:0/?" + from + to, "the port of the mail target is none"},
	} {
		text, want := c.text, c.want
		target, err := ParseTarget("mail=" + text)
		if strings.Contains(text, "#") { // a password that is not encoded cuts the URL
			if err == nil || strings.Contains(err.Error(), "p4ss") {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if want == "" && (err != nil || strings.Contains(target.String(), "p4ss")) ||
			want != "" && (err == nil || !strings.Contains(err.Error(), want) ||
				strings.Contains(err.Error(), "p4ss")) {
			t.Errorf("%s: %v, %v; want %q", text, target, err, want)
		}
	}
}
