package inventory

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

var cloudNames = []string{string(fleet.AzurePublic), string(fleet.AzureGovernment), string(fleet.AzureChina),
	string(fleet.Emulator)}

var cloudForm = newForm("cloud", "cloud.",
	reads("serviceManagement",
		says(line("the base URL of the classic side, which only the classic kind needs; plain http only to loopback")),
		func(c *fleet.Cloud) *string { return &c.ServiceManagement }, (*decoder).endpoint),
	reads("resourceManager", says(line("the base URL of the Resource Manager side")),
		func(c *fleet.Cloud) *string { return &c.ResourceManager }, (*decoder).endpoint),
)

func toldOfCloud(k kinds) object {
	return either2("which cloud; there is no default", object{"enum": cloudNames},
		cloudForm.told(k, "resourceManager"))
}

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
	c := fleet.Cloud{Name: fleet.CustomCloud}
	f, ok := cloudForm.mapping(d, e.value, e.at, &c)
	if !ok {
		return
	}
	d.in.Cloud = c
	needed, hint := cloudForm.names, "the classic kind needs both sides"
	if d.today != nil {
		hint = "the kind " + string(d.today.Kind) + " needs that side"
	}
	if d.today != nil || d.anyKind {
		needed = []string{"resourceManager"}
	}
	d.all(&f, "cloud", needed, hint)
}

func (d *decoder) endpoint(e *entry) (string, bool) {
	s, ok := d.text(e.value, e.at, e.what)
	if !ok {
		return "", false
	}
	if err := plan.CheckEndpoint(s); err != nil {
		d.problem(e.at, "", "%s is not a usable URL: %v", e.what, err)
		return "", false
	}
	return strings.TrimRight(s, "/"), true
}

var emulatorForm = newForm("emulator", "emulator.",
	lineKey("scenario", "a scenario file, relative to the inventory",
		func(in *plan.Input) *string { return &in.Scenario }))

// emulator reads what only the emulator takes. It must follow cloud.
func (d *decoder) emulator(e *entry) {
	if e == nil {
		return
	}
	emulatorForm.mapping(d, e.value, e.at, &d.in)
	if d.in.Cloud.Name != "" && d.in.Cloud.Name != fleet.Emulator {
		d.problem(e.key, "remove it, or write cloud: Emulator", "emulator has no meaning without cloud: Emulator")
	}
}

var credentialForm = newForm("credential", "credential.",
	wordKey("serviceManagement", "the sign-in of the classic side",
		func(c *fleet.Credentials) *fleet.CredentialKind { return &c.ServiceManagement }, fleet.CredentialKinds()...),
	wordKey("resourceManager", "the sign-in of the Resource Manager side",
		func(c *fleet.Credentials) *fleet.CredentialKind { return &c.ResourceManager }, fleet.CredentialKinds()...),
)

func toldOfCredential(k kinds) object {
	return either2("how to sign in: one word for both sides, or one for each",
		object{"enum": fleet.CredentialKinds()}, credentialForm.told(k))
}

// credential reads how to sign in: one word for both sides, or one for each.
func (d *decoder) credential(e *entry) {
	if e.value.Kind != yaml.MappingNode {
		s, _ := d.oneOf(e, "credential", asStrings(fleet.CredentialKinds()))
		d.in.Credentials = fleet.Credentials{ServiceManagement: fleet.CredentialKind(s),
			ResourceManager: fleet.CredentialKind(s)}
		return
	}
	credentialForm.mapping(d, e.value, e.at, &d.in.Credentials)
}
