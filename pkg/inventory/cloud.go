package inventory

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

var cloudNames = []string{string(fleet.AzurePublic), string(fleet.AzureGovernment), string(fleet.AzureChina),
	string(fleet.Emulator)}

var cloudSchema = &schema{what: "cloud", keys: []string{"serviceManagement", "resourceManager"}}

// cloud reads the name of a cloud or the endpoints of one's own. There is no
// default: a forgotten line must not mean production. It must follow upgrade:
// kinds of today's Azure need no classic side.
func (d *decoder) cloud(root *fields) {
	e := root.get("cloud")
	if e == nil {
		if root.lacks("cloud") {
			d.problem(root.at, "add one of "+strings.Join(cloudNames, ", "), "the inventory has no cloud")
		}
		return
	}
	if e.value.Kind != yaml.MappingNode {
		if name, ok := d.oneOf(e, "cloud", cloudNames); ok {
			d.in.Cloud, _ = fleet.KnownCloud(fleet.CloudName(name))
		}
		return
	}
	f, ok := d.mapping(e.value, e.at, cloudSchema)
	if !ok {
		return
	}
	d.in.Cloud = fleet.Cloud{
		Name:              fleet.CustomCloud,
		ServiceManagement: d.endpoint(&f, "serviceManagement", d.today == nil && !d.anyKind),
		ResourceManager:   d.endpoint(&f, "resourceManager", true),
	}
}

func (d *decoder) endpoint(f *fields, key string, needed bool) string {
	e := f.get(key)
	if e == nil {
		if f.lacks(key) && needed {
			hint := "the classic kind needs both sides"
			if d.today != nil {
				hint = "the kind " + string(d.today.Kind) + " needs that side"
			}
			d.problem(f.at, hint, "cloud has no %s", key)
		}
		return ""
	}
	what := "cloud." + key
	s, ok := d.text(e.value, e.at, what)
	if !ok {
		return ""
	}
	if err := plan.CheckEndpoint(s); err != nil {
		d.problem(e.at, "", "%s is not a usable URL: %v", what, err)
		return ""
	}
	return strings.TrimRight(s, "/")
}

var emulatorSchema = &schema{what: "emulator", keys: []string{"scenario"}}

// emulator reads what only the emulator takes. It must follow cloud.
func (d *decoder) emulator(e *entry) {
	if e == nil {
		return
	}
	f, _ := d.mapping(e.value, e.at, emulatorSchema)
	if d.in.Cloud.Name != "" && d.in.Cloud.Name != fleet.Emulator {
		d.problem(e.key, "remove it, or write cloud: Emulator", "emulator has no meaning without cloud: Emulator")
	}
	if s := f.get("scenario"); s != nil {
		d.in.Scenario, _ = d.line(s, "emulator.scenario")
	}
}

var credentialSchema = &schema{what: "credential", keys: []string{"serviceManagement", "resourceManager"}}

// credential reads how to sign in: one word for both sides, or one for each.
func (d *decoder) credential(e *entry) {
	kinds := asStrings(fleet.CredentialKinds())
	if e.value.Kind != yaml.MappingNode {
		s, _ := d.oneOf(e, "credential", kinds)
		d.in.Credentials = fleet.Credentials{ServiceManagement: fleet.CredentialKind(s), ResourceManager: fleet.CredentialKind(s)}
		return
	}
	f, _ := d.mapping(e.value, e.at, credentialSchema)
	if side := f.get("serviceManagement"); side != nil {
		s, _ := d.oneOf(side, "credential.serviceManagement", kinds)
		d.in.Credentials.ServiceManagement = fleet.CredentialKind(s)
	}
	if side := f.get("resourceManager"); side != nil {
		s, _ := d.oneOf(side, "credential.resourceManager", kinds)
		d.in.Credentials.ResourceManager = fleet.CredentialKind(s)
	}
}
