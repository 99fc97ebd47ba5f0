package arm

import (
	"encoding/json"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestSettingKeepsWhatIsOwn: what a vault keeps is sent along as it has it, to the letter of the number; where it has
// nothing, what the kind says, or nothing.
func TestSettingKeepsWhatIsOwn(t *testing.T) {
	t.Parallel()
	s := Setting{Of: &VaultType{Name: fleet.KeyVault, APIVersion: "2026-02-01"}, Name: "the mode",
		Section: "settings", State: "mode", Body: `{"properties":{"settings":{"mode":"On","days":"{its own}"}}}`}
	for _, tt := range []struct{ has, usual, want string }{
		{`{"mode":"Off","days":14.0}`, `30`, `{"properties":{"settings":{"days":14.0,"mode":"On"}}}`},
		{`{"mode":"Off","days":1e2}`, ``, `{"properties":{"settings":{"days":1e2,"mode":"On"}}}`},
		{`{"mode":"Off"}`, `30`, `{"properties":{"settings":{"days":30,"mode":"On"}}}`},
		{`{"mode":"Off"}`, ``, `{"properties":{"settings":{"mode":"On"}}}`},
		{`null`, `30`, `{"properties":{"settings":{"days":30,"mode":"On"}}}`},
		{`{"mode":"Off","days":{"a":[1,2.50]}}`, ``, `{"properties":{"settings":{"days":{"a":[1,2.50]},"mode":"On"}}}`},
	} {
		s.Own = json.RawMessage(tt.usual)
		if tt.usual == "" {
			s.Own = nil
		}
		got, err := s.owned(State{"settings": json.RawMessage(tt.has)})
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, %v, want %s", tt.has, got, err, tt.want)
		}
	}
}

// TestTheWayBackKeepsWhatIsOwn: what the kind never changed is not put back over what somebody has set since.
func TestTheWayBackKeepsWhatIsOwn(t *testing.T) {
	t.Parallel()
	s := Setting{Of: &VaultType{Name: fleet.KeyVault, APIVersion: "2026-02-01"}, Name: "the mode",
		Section: "settings", State: "mode", Body: `{"properties":{"settings":{"mode":"On","days":"{its own}"}}}`}
	body, err := s.restore(State{"settings": json.RawMessage(`{"mode":"Off","days":14.0}`)})
	if err != nil {
		t.Fatal(err)
	}
	back := s.Back()
	for now, want := range map[string]string{
		`{"mode":"On","days":14.0}`: `{"properties":{"settings":{"days":14.0,"mode":"Off"}}}`,
		`{"mode":"On","days":90}`:   `{"properties":{"settings":{"days":90,"mode":"Off"}}}`,
		`{"mode":"On"}`:             `{"properties":{"settings":{"mode":"Off"}}}`,
	} {
		send := Sending{Body: body}
		res := &Resource{state: State{"settings": json.RawMessage(now)}}
		if err := back.Complete(t.Context(), nil, nil, res, &send); err != nil || string(send.Body) != want {
			t.Errorf("back from %s: %s, %v, want %s", now, send.Body, err, want)
		}
	}
}

// TestSettingThatIsItsSection: a setting need not be an object, and may be true or false.
func TestSettingThatIsItsSection(t *testing.T) {
	t.Parallel()
	s := Setting{Of: &VaultType{Name: fleet.KeyVault, APIVersion: "2026-02-01"}, Name: "the switch",
		Section: "deep.switch", Body: `{"properties":{"deep":{"switch":true}}}`, From: []string{"false", ""},
		Unset: "false", Code: "switch"}
	if got := s.wanted(); got != "true" {
		t.Errorf("wanted is %s", got)
	}
	c := s.Change()
	for has, ok := range map[string]bool{`false`: true, `null`: true, `true`: false, `"perhaps"`: false} {
		if got := len(c.Judge(nil, State{"deep.switch": json.RawMessage(has)})) == 0; got != ok {
			t.Errorf("starts from %s: %v", has, got)
		}
	}
}
