package notify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// Format is what a target understands.
type Format string

// The formats.
const (
	CloudEvents Format = "cloudevents" // CloudEvents 1.0, structured JSON
	Teams       Format = "teams"       // an adaptive card, as a Workflows webhook takes it
	Slack       Format = "slack"       // blocks, as an incoming webhook takes them
	Mail        Format = "mail"        // an e-mail by SMTP, with the report where the run has ended
)

// Formats lists the formats.
func Formats() []Format { return []Format{CloudEvents, Teams, Slack, Mail} }

// typePrefix is what CloudEvents types begin with.
const typePrefix = "dev.fleetup.run."

// Body is a notification as a target of that format takes it.
func Body(f Format, e Event) (body []byte, contentType string, err error) {
	contentType = "application/json"
	var v any
	switch f {
	case CloudEvents:
		v, contentType = cloudEvent(e), "application/cloudevents+json; charset=UTF-8"
	case Teams:
		v = card(e)
	case Slack:
		v = blocks(e)
	case Mail:
		return []byte(mailText(e)), "text/plain; charset=UTF-8", nil
	default:
		return nil, "", fmt.Errorf("no format %q", f)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, "", fmt.Errorf("write the notification: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), contentType, nil
}

// envelope is CloudEvents 1.0 in structured mode.
type envelope struct {
	SpecVersion     string `json:"specversion"`
	ID              string `json:"id"`
	Source          string `json:"source"`
	Type            string `json:"type"`
	Subject         string `json:"subject"`
	Time            string `json:"time"`
	DataContentType string `json:"datacontenttype"`
	Data            Data   `json:"data"`
}

func cloudEvent(e Event) envelope {
	return envelope{SpecVersion: "1.0", ID: e.ID, Source: "urn:fleetup:run:" + e.Data.RunID,
		Type:    typePrefix + string(e.Kind),
		Subject: e.Subject, Time: e.At.UTC().Format(time.RFC3339Nano), DataContentType: "application/json",
		Data: e.Data}
}

// facts are the lines under the sentence, each a name and a value.
func facts(e Event) [][2]string {
	d := &e.Data
	if e.Kind == Trial {
		return [][2]string{{"By", *d.By}}
	}
	vaults := lexicon.WordingOf(fleet.Kind(d.UpgradeKind)).TallyOfRun(d.Totals, e.already)
	out := [][2]string{{"Vaults", strings.ReplaceAll(vaults, lexicon.Dot, ", ")},
		{"Budget used", fmt.Sprintf("%d of %d", d.Budget.Used, d.Budget.Limit)}}
	add := func(name string, value *string) {
		if value != nil {
			out = append(out, [2]string{name, *value})
		}
	}
	if d.ExpectedEnd != nil {
		ends := d.ExpectedEnd.Words(e.zone, e.At)
		add("Ends", &ends)
	}
	add("By", d.By)
	add("Reason", d.Reason)
	add("Next", d.Next)
	if len(d.Reports) > 0 {
		out = append(out, [2]string{"Report", strings.Join(d.Reports, ", ")})
	}
	return append(out, [2]string{"Run", d.RunID})
}

// title is the notification in a few words of our own.
func title(e Event) string {
	if e.Kind == Finished && e.Data.Verdict != nil {
		return e.Data.Title + ": " + *e.Data.Verdict
	}
	return e.Data.Title
}

// mailText is a notification as an e-mail says it.
func mailText(e Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", lexicon.Clean(e.Data.Sentence))
	for _, f := range facts(e) {
		fmt.Fprintf(&b, "%-12s %s\n", lexicon.Clean(f[0])+":", lexicon.Clean(f[1]))
	}
	return b.String()
}

// A card is made of text runs alone: they know no markup, so a name cannot be
// one.
type (
	message struct {
		Type        string       `json:"type"`
		Attachments []attachment `json:"attachments"`
	}
	attachment struct {
		ContentType string       `json:"contentType"`
		ContentURL  *string      `json:"contentUrl"`
		Content     adaptiveCard `json:"content"`
	}
	adaptiveCard struct {
		Schema  string     `json:"$schema"`
		Type    string     `json:"type"`
		Version string     `json:"version"`
		Body    []richText `json:"body"`
	}
	richText struct {
		Type    string    `json:"type"`
		Inlines []textRun `json:"inlines"`
	}
	textRun struct {
		Type   string `json:"type"`
		Text   string `json:"text"`
		Weight string `json:"weight,omitempty"`
		Size   string `json:"size,omitempty"`
		Color  string `json:"color,omitempty"`
	}
)

// colours of a card's title.
var colours = map[Kind]string{Halted: "Attention", Interrupted: "Attention", ApprovalNeeded: "Warning",
	Paused: "Warning", Finished: "Good"}

func card(e Event) message {
	line := func(runs ...textRun) richText {
		for i := range runs {
			runs[i].Type, runs[i].Text = "TextRun", lexicon.Clean(runs[i].Text)
		}
		return richText{"RichTextBlock", runs}
	}
	colour := colours[e.Kind]
	if c := e.Data.ExitCode; e.Kind == Finished && *c != int(fleet.ExitOK) {
		colour = "Warning"
	}
	body := []richText{line(textRun{Text: title(e), Weight: "Bolder", Size: "Large", Color: colour}),
		line(textRun{Text: e.Data.Sentence})}
	for _, f := range facts(e) {
		body = append(body, line(textRun{Text: f[0] + ": ", Weight: "Bolder"}, textRun{Text: f[1]}))
	}
	return message{"message", []attachment{{ContentType: "application/vnd.microsoft.card.adaptive",
		Content: adaptiveCard{"http://adaptivecards.io/schemas/adaptive-card.json", "AdaptiveCard", "1.4", body}}}}
}

type (
	slackMessage struct {
		Text   string       `json:"text"` // what a notification shows
		Blocks []slackBlock `json:"blocks"`
	}
	slackBlock struct {
		Type string    `json:"type"`
		Text slackText `json:"text"`
	}
	slackText struct {
		Type     string `json:"type"`
		Text     string `json:"text"`
		Verbatim bool   `json:"verbatim,omitempty"` // makes no link of what looks like one
	}
)

// slackEscapes are all the characters that begin something in Slack's mrkdwn: a
// mention, a link, an entity.
var slackEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// slackMost is how long the text of a section may be, in characters; three
// thousand is the limit, and an escape is longer than what it stands for.
const slackMost = 2900

func mrkdwn(s string) string { return slackEscapes.Replace(lexicon.Clean(s)) }

func blocks(e Event) slackMessage {
	var lines []string
	for _, f := range facts(e) {
		lines = append(lines, "*"+f[0]+"* "+mrkdwn(f[1]))
	}
	section := func(s string) slackBlock {
		if r := []rune(s); len(r) > slackMost {
			s = string(r[:slackMost]) + "…"
		}
		return slackBlock{"section", slackText{Type: "mrkdwn", Text: s, Verbatim: true}}
	}
	return slackMessage{Text: mrkdwn(title(e) + ". " + e.Data.Sentence), Blocks: []slackBlock{
		{"header", slackText{Type: "plain_text", Text: title(e)}}, section(mrkdwn(e.Data.Sentence)),
		section(strings.Join(lines, "\n"))}}
}
