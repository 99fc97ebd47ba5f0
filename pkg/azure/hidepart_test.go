package azure

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
)

// A token that a server sends back is taken out however it was cut and escaped, and
// nothing else of the text is.
func TestPiecesOfATokenAreHidden(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	raw := make([]byte, 900)
	for i := range raw {
		raw[i] = byte(rng.UintN(256))
	}
	token := "op+aq/ue." + base64.StdEncoding.EncodeToString(raw)
	everyEscaped := func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			fmt.Fprintf(&b, `\u%04x`, s[i])
		}
		return b.String()
	}
	quoted, err := json.Marshal(token)
	if err != nil {
		t.Fatal(err)
	}
	for name, piece := range map[string]string{
		"whole": token, "its beginning": token[:40], "its end": token[len(token)-35:], "its middle": token[500:531], "half": token[:600], "twice": token + token,
		"as JSON": strings.Trim(string(quoted), `"`), "in \\u escapes": everyEscaped(token), "a piece in \\u escapes": everyEscaped(token[300:400]),
		"slashes escaped": strings.ReplaceAll(token, "/", `\/`), "for a URL": url.QueryEscape(token), "for a path": url.PathEscape(token[100:300]),
	} {
		for shift := range 17 {
			before, after := "The token "+strings.Repeat("-", shift), " is not valid: héllo \\n 50 %."
			got := string(sentToken(token).body([]byte(before + piece + after)))
			if !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) || len(got) > len(before)+len(after)+40 {
				t.Errorf("%s, shifted by %d: %q", name, shift, got)
			}
		}
	}
	plain := `{"error":{"code":"AuthenticationFailed","message":"The access token is invalid: 100 % \/ \u00e9"}}`
	if got := string(sentToken(token).body([]byte(plain))); got != plain {
		t.Errorf("a text without it became %q", got)
	}
	if got := string(sentToken("0123456789").body([]byte(`a 0123456789, 01234567\u00389`))); strings.Contains(got, "01234567") {
		t.Errorf("a short one is left: %q", got)
	}
}
