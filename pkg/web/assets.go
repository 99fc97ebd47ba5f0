package web

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"strings"
	"sync"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

//go:embed assets
var assets embed.FS

// The script is written in several files, each with one concern, and runs as
// one, so that a file on disk needs no server to import from.
var scripts = []string{"model.js", "times.js", "timeline.js", "rows.js", "detail.js", "lists.js", "live.js", "main.js"}

// Made when the first page is: most commands show none.
var (
	styles    = sync.OnceValue(func() string { return asset("page.css") + asset("timeline.css") })
	script    = sync.OnceValue(joined)
	templates = sync.OnceValue(func() *template.Template {
		return template.Must(template.New("").Funcs(template.FuncMap{"number": lexicon.Number, "plural": lexicon.Plural,
			"capital": fleet.Capital, "words": lexicon.CommandWords}).ParseFS(assets, "assets/*.html"))
	})
)

func asset(name string) string {
	data, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // it is embedded, or the program was not built
	}
	return string(data)
}

func joined() string {
	var b strings.Builder
	b.WriteString("(() => {\n\"use strict\";\n")
	for _, name := range scripts {
		b.WriteString(asset(name))
	}
	b.WriteString("})();\n")
	return b.String()
}

// frozenPolicy lets a file do nothing but run its own script and styles, which
// it knows by their hashes.
func frozenPolicy() string {
	return "default-src 'none'; script-src " + hash(script()) + "; style-src " + hash(styles()) +
		"; img-src data:; base-uri 'none'; form-action 'none'"
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
