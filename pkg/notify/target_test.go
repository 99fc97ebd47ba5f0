package notify

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	t.Parallel()
	const secret = "T000-B000-s3cr3t"
	for _, c := range []struct{ in, want string }{
		{"slack=https://hooks.slack.com/services/" + secret, "slack at hooks.slack.com"},
		{" Teams = https://prod.example:443/workflows/" + secret + "?sig=a,b#x", "teams at prod.example:443"},
		{"cloudevents=http://127.0.0.1:8080/" + secret, "cloudevents at 127.0.0.1:8080"},
		{"cloudevents=http://[::1]:8080/" + secret, "cloudevents at [::1]:8080"},
		{"cloudevents=http://localhost/" + secret, "cloudevents at localhost"},
		{"slack=http://hooks.slack.com/" + secret, "error: not https"},
		{"slack=http://127.0.0.1.evil.example/" + secret, "error: not https"},
		{"slack=ftp://hooks.slack.com/" + secret, "error: must begin with https"},
		{"slack=https:///" + secret, "error: none"},
		{"slack=https://host:port/" + secret, "error: none"},
		{"slack=https://user:" + secret + "@hooks.slack.com/", "error: must not hold"},
		{"slack=", "error: none"},
		{"https://hooks.slack.com/" + secret, "error: FORMAT=URL"},
		{"pager=https://hooks.slack.com/" + secret, "error: one of cloudevents, teams, slack, mail"},
		{"", "error: FORMAT=URL"},
	} {
		got, err := ParseTarget(c.in)
		if want, bad := strings.CutPrefix(c.want, "error: "); bad {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
				t.Errorf("%q: error %v, want one with %q and without the secret", c.in, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if got.String() != c.want {
			t.Errorf("%q: %s, want %s", c.in, got, c.want)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if said := fmt.Sprintf(verb, got); strings.Contains(said, secret) {
				t.Errorf("%s of it says the secret: %s", verb, said)
			}
		}
		loss := fmt.Sprintf("%v %+v", Loss{Target: got, Why: "x"}, Loss{Target: got})
		if strings.Contains(loss, secret) {
			t.Errorf("a loss says the secret: %s", loss)
		}
	}
}

func TestParseTargets(t *testing.T) {
	t.Parallel()
	got,
		err := ParseTargets("slack=https://a.example/x,y,teams=https://b.example/?q=1,2\n\n " +
		"cloudevents=https://c.example/ ,\n")
	if err != nil || len(got) != 3 {
		t.Fatalf("%v, %v", got, err)
	}
	if got[0].url.Path != "/x,y" || got[1].url.RawQuery != "q=1,2" || got[2].url.Host != "c.example" {
		t.Errorf("read as %s, %s, %s", got[0].url, got[1].url, got[2].url)
	}
	if got, err := ParseTargets(" \n"); err != nil || len(got) != 0 {
		t.Errorf("nothing is %v, %v", got, err)
	}
	if _, err := ParseTargets("what,slack=https://a.example/"); err == nil {
		t.Error("accepted what is no target")
	}
}

func TestReadTargets(t *testing.T) {
	t.Parallel()
	got,
		err := ReadTargets(strings.NewReader("# who is told\n\nslack=https://a.example/x\n  " +
		"teams=https://b.example/\n"))
	if err != nil || len(got) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	if _,
		err := ReadTargets(strings.NewReader(
		"slack=https://a.example/\nslack=http://a.example/s3cr3t\n")); err == nil ||
		!strings.HasPrefix(err.Error(), "line 2: ") || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("error %v", err)
	}
	if _, err := ReadTargets(strings.NewReader("# nobody\n")); err == nil {
		t.Error("a file without a target is accepted")
	}
}
