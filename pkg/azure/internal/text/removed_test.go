package text

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
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
		"whole": token, "its beginning": token[:40], "its end": token[len(token)-35:], "its middle": token[500:531],
		"half": token[:600], "twice": token + token,
		"as JSON": strings.Trim(string(quoted), `"`), "in \\u escapes": everyEscaped(token),
		"a piece in \\u escapes": everyEscaped(token[300:400]),
		"slashes escaped":        strings.ReplaceAll(token, "/", `\/`), "for a URL": url.QueryEscape(token),
		"for a path": url.PathEscape(token[100:300]),
	} {
		for shift := range 17 {
			before, after := "The token "+strings.Repeat("-", shift), " is not valid: héllo \\n 50 %."
			got := string(Remove([]byte(before+piece+after), token))
			if !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) ||
				len(got) > len(before)+len(after)+40 {
				t.Errorf("%s, shifted by %d: %q", name, shift, got)
			}
		}
	}
	plain := `{"error":{"code":"AuthenticationFailed","message":"The access token is invalid: 100 % \/ \u00e9"}}`
	if got := string(Remove([]byte(plain), token)); got != plain {
		t.Errorf("a text without it became %q", got)
	}
	if got := string(Remove([]byte(`a 0123456789, 01234567\u00389`), "0123456789")); strings.Contains(got, "01234567") {
		t.Errorf("a short one is left: %q", got)
	}
}

// every writes each byte of a text in its own way.
func every(format string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			fmt.Fprintf(&b, format, s[i])
		}
		return b.String()
	}
}

// lines breaks a text every n bytes.
func lines(n int, between string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for i := 0; i < len(s); i += n {
			b.WriteString(s[i:min(i+n, len(s))] + between)
		}
		return b.String()
	}
}

// A secret is taken out in whatever form it comes back, forms of forms among them:
// what is left of it has no piece that tells anything.
func TestFormsOfASecretAreHidden(t *testing.T) {
	t.Parallel()
	std, raw := base64.StdEncoding.EncodeToString, base64.RawURLEncoding.EncodeToString
	bytesOf := func(f func([]byte) string) func(string) string {
		return func(s string) string { return f([]byte(s)) }
	}
	forms := map[string]func(string) string{
		"as it is": func(s string) string { return s }, "base64": bytesOf(std), "base64 for URLs": bytesOf(raw),
		"base64 of the header": func(s string) string { return std([]byte("Bearer " + s)) },
		"base64 of a document": func(s string) string { return std([]byte(`{"token":"` + s + `"}`)) },
		"hex":                  bytesOf(hex.EncodeToString), "percents": every("%%%02x"),
		"JSON escapes": every(`\u%04x`), "hex escapes": every(`\x%02X`), "XML numbers": every("&#%d;"),
		"XML hex":    every("&#x%x;"),
		"lines of 9": lines(9, "\n"), "lines of 9 with returns": lines(9, "\r\n  "),
		"escaped line ends": lines(11, `\n`), "a list": lines(13, `", "`), "UTF-16": lines(1, "\x00"),
		"query": url.QueryEscape, "Go quotes": strconv.Quote,
	}
	long := strings.Repeat("k9Q~zX1-", 1) + "AbCdEfGh.0123+/=" + "mNbVcXz_LkJhGfDs" + "PoIuYtReWq012345"
	for _, secret := range []string{long, "p4ss+w0rd/x"} {
		for a, first := range forms {
			for b, second := range forms {
				encoded := strings.HasPrefix(b, "base64") || b == "hex"
				broken := b == "a list" || b == "escaped line ends" || strings.HasPrefix(b, "lines") &&
					strings.Contains(a, "line ends")
				if encoded && a != "as it is" || broken && strings.ContainsAny(first("+/."), `\%&`) || b == "query" &&
					(a == "a list" || strings.HasPrefix(a, "lines")) {
					continue // an encoding of another form is not read, nor escapes that are broken by escapes
				}
				said := "begin: " + second(first(secret)) + " :end"
				got := string(Remove([]byte(said), secret))
				left := len(strings.ReplaceAll(got, Removed, "")) - len("begin:  :end") - len(second(first("")))
				if !strings.Contains(got, Removed) || len(secret) > 31 && left > 60 {
					t.Errorf("%s of %s, of %d bytes: %q", b, a, len(secret), got)
				}
			}
		}
	}
}

// What a form of a secret is cut out of stays what it was: JSON can be read, and its
// other parts are as they were.
func TestWhatIsLeftIsReadable(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("aB3/", 12)
	for _, form := range []func(string) string{every(`\u%04x`), every("%%%02x"), lines(10, `\n`), lines(10, `", "`),
		lines(10, `\"`)} {
		doc := `{"list":["` + form(secret) + `"],"code":"Bad\"Request","message":"é \u00e9 100 % of a\\b &amp; c"}`
		var was, is map[string]any
		if err := json.Unmarshal([]byte(doc), &was); err != nil {
			t.Fatal(err)
		}
		got := Remove([]byte(doc), secret)
		if err := json.Unmarshal(got, &is); err != nil || is["message"] != was["message"] || is["code"] != was["code"] {
			t.Errorf("%s: %v", got, err)
		}
	}
}

// Signatures and keys are taken out of addresses that were escaped, too.
func TestSignaturesAreHidden(t *testing.T) {
	t.Parallel()
	const sig = "c2lnbmVkLXNlY3JldC12YWx1ZQ"
	for _, in := range []string{
		"https://h/x?sig=" + sig, "https://h/x?a=b&sig=" + sig + "&c=d",
		"https://h/x%3Fa%3Db%26sig%3D" + sig + "%26c%3Dd", "https%253A%252F%252Fh%252Fx%253Fsig%253D" + sig,
		`https://h/x?a=b\u0026sig=` + sig, `https://h/x?a=b\u0026sig\u003d` + sig, "https://h/x?a=b&amp;sig=" + sig,
		`Get "https://h/x?sig=` + sig + `": EOF`, "x?SIG=" + sig,
		"AccountName=a;AccountKey=" + sig + ";EndpointSuffix=x", "SharedAccessKey=" + sig,
		"SharedAccessSignature sr=a&sig=" + sig, "Proxy-Authorization: Basic " + sig + "==",
		`{"Authorization":"Basic ` + sig + `"}`, "password=" + sig, "https://user:" + sig + "@h/x",
		"https%3A%2F%2Fuser%3A" + sig + "%40h%2Fx", `https:\/\/user:` + sig + `@h`,
	} {
		if got := hideSecrets(in); strings.Contains(got, sig) || !strings.Contains(got, Removed) {
			t.Errorf("%q became %q", in, got)
		}
	}
	for _, in := range []string{"the signature is wrong", "basic authentication is off", "password rules: see the docs",
		"design=new", "a vault is assigned: yes"} {
		if got := hideSecrets(in); got != in {
			t.Errorf("%q became %q", in, got)
		}
	}
}
