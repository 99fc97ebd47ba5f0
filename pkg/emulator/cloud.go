package emulator

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
)

// Config is a cloud to be made.
type Config struct {
	Scenario  Scenario
	Vaults    []Vault    // classic ones
	Resources []Resource // today's
	StateFile string     // where the cloud remembers; "" keeps it in memory only
	Log       io.Writer  // gets one JSON line a request; nil: none
}

// Vault is a classic vault that the cloud has.
type Vault struct {
	SubscriptionID   string `json:"subscriptionId"`   // a GUID
	SubscriptionName string `json:"subscriptionName"` // its display name; the ID where empty
	Name             string `json:"name"`
	Location         string `json:"location"`     // shown as written; compared without spaces and case
	ResourceType     string `json:"resourceType"` // BackupVault or HyperVRecoveryManagerVault
	// exists, unless every vault that names it says CreateResourceGroup
	TargetResourceGroup string `json:"targetResourceGroup"`
	CreateResourceGroup bool   `json:"createResourceGroup,omitempty"`
	ProtectedItems      int    `json:"protectedItems,omitempty"` // for durations by item
}

// The types of vault that can be upgraded (classic-service.md#the-operation).
const (
	typeBackup       = "BackupVault"
	typeSiteRecovery = "HyperVRecoveryManagerVault"
)

// ErrClosed is what a closed cloud has to say.
var ErrClosed = errors.New("the emulated cloud is closed")

// Cloud is an emulated Azure: an http.Handler for both sides of the protocol.
// It is safe for concurrent use. In a synctest bubble, make it inside the
// bubble.
type Cloud struct {
	seed      int64
	shape     string
	durations durations
	role      []string // the actions that the identity may do; nil: all
	changing  changing
	limits    Limits
	graphPer  time.Duration // the window of limits.Graph
	tree      tree
	tenant    []int // faults that strike queries of Resource Graph
	faults    []fault
	createdAt time.Time
	vaults    []*vault // as configured
	byKey     map[string]*vault
	resources []*resource          // as configured
	byID      map[string]*resource // by key
	locks     map[string][]lock    // by their scope, in lower case
	subs      []*subscription      // in the order of their first vault
	bySub     map[string]*subscription
	closed    chan struct{} // closed by Close: lets go of answers that wait

	logMu sync.Mutex
	log   io.Writer

	mu        sync.Mutex // guards all below, and what vaults and subscriptions say is mutable
	stateFile *stateFile // nil: memory only
	broken    error      // set: nothing is decided any more
	counts    map[countKey]int
	firsts    map[countKey]time.Time
	used      map[string]bool // operation IDs of accepted starts
	asked     quota
	stats     stats
}

type subscription struct {
	id, name      string
	regions       []*region
	vaults        []*vault
	resources     []*resource
	csp           bool
	disabled      bool
	noFeature     bool
	unseen        bool // by Resource Graph
	noAlertRule   bool
	unlicensed    bool            // for Privileged Identity Management
	unregistered  map[string]bool // by lower-case provider; mutable
	groups        map[string]*group
	targets       map[string]*vault // by targetKey; mutable
	faults        []aimed           // that may strike calls about the subscription
	reads, writes level             // mutable
	stats         subStats          // mutable
}

// region is a CloudService element of the listing: the vaults of a
// subscription in one location.
type region struct {
	service  string // the cloud service's name
	location string // as the first vault writes it
	vaults   []*vault
}

type group struct {
	name, location string
	missing        bool
	createdAt      time.Time // by a start; mutable
}

func newGroup(name, location string) *group {
	return &group{name: name, location: location, missing: true}
}

func (g *group) exists(now time.Time) bool {
	return !g.missing || !g.createdAt.IsZero() && !now.Before(g.createdAt)
}

type vault struct {
	Vault
	key    string
	sub    *subscription
	region *region
	sufferer
	ops   []*operation // mutable; in the order they were accepted
	stats vaultStats   // mutable

	before, after []byte // its Resource element, without IntrinsicSettings
	zone          bool   // its times have their zone
}

// New makes a cloud that has the vaults and follows the scenario. All mistakes
// of both are in the error, together. With a StateFile the cloud is on disk
// when New returns; a file that is already there is an error that wraps
// fs.ErrExist and is left alone.
func New(cfg Config) (*Cloud, error) {
	cfg.Scenario.Shape = cmp.Or(cfg.Scenario.Shape, shapeRecorded2026)
	c, err := build(cfg, now())
	if err != nil {
		return nil, err
	}
	if cfg.StateFile != "" {
		h := header{Version: stateVersion, CreatedAt: c.createdAt, Scenario: cfg.Scenario, Vaults: cfg.Vaults,
			Resources: cfg.Resources}
		if c.stateFile, err = createStateFile(cfg.StateFile, h); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Reopen makes the same cloud again from its state file: scenario, vaults,
// accepted starts and counters. A torn last line, the mark of a kill, is cut
// off; damage elsewhere is an error. Only one Cloud may have the file open.
func Reopen(stateFile string, log io.Writer) (*Cloud, error) {
	t, h, lines, err := openStateFile(stateFile)
	if err != nil {
		return nil, err
	}
	h.Scenario.Shape = cmp.Or(h.Scenario.Shape, shapeSpecification) // of a file from before there were others
	c, err := build(Config{Scenario: h.Scenario, Vaults: h.Vaults, Resources: h.Resources, Log: log}, h.CreatedAt)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("truth file %s: %w", stateFile, err), t.close())
	}
	for _, l := range lines {
		if err := c.apply(l); err != nil {
			return nil, errors.Join(fmt.Errorf("truth file %s: %w", stateFile, err), t.close())
		}
	}
	c.stateFile = t
	return c, nil
}

// Close lets go of every request that waits and closes the state file. Later
// requests are answered 503. A second Close does nothing.
func (c *Cloud) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(c.broken, ErrClosed) {
		return nil
	}
	c.broken = ErrClosed
	close(c.closed)
	if c.stateFile == nil {
		return nil
	}
	return c.stateFile.close()
}

func build(cfg Config, createdAt time.Time) (*Cloud, error) {
	s, vaults := cfg.Scenario, cfg.Vaults
	c := &Cloud{
		seed:      s.Seed,
		shape:     s.Shape,
		createdAt: createdAt,
		byKey:     map[string]*vault{},
		byID:      map[string]*resource{},
		locks:     map[string][]lock{},
		bySub:     map[string]*subscription{},
		closed:    make(chan struct{}),
		log:       cfg.Log,
		counts:    map[countKey]int{},
		firsts:    map[countKey]time.Time{},
		used:      map[string]bool{},
	}
	var wrong []error
	targets := map[string]*vault{}
	for i := range vaults {
		v, errs := c.newVault(vaults[i])
		for _, err := range errs {
			wrong = append(wrong, fmt.Errorf("vaults[%d]: %w", i, err))
		}
		if len(errs) > 0 {
			continue
		}
		if c.byKey[v.key] != nil {
			wrong = append(wrong, fmt.Errorf("vaults[%d]: %s is there twice", i, v.ref()))
			continue
		}
		at := v.sub.id + "/" + targetKey(v.TargetResourceGroup, v.Name)
		if other := targets[at]; other != nil {
			wrong = append(wrong,
				fmt.Errorf("vaults[%d]: %s and another vault in %s would be upgraded to the same place", i, v.ref(),
					other.Location))
			continue
		}
		targets[at] = v
		c.place(v)
	}
	for i := range cfg.Resources {
		for _, err := range c.addResource(cfg.Resources[i]) {
			wrong = append(wrong, fmt.Errorf("resources[%d]: %w", i, err))
		}
	}
	if err := s.Validate(); err != nil {
		return nil, errors.Join(append(wrong, err)...)
	}
	c.durations = newDurations(s.TimeScale, s.Duration, usualDuration)
	c.changing = newChanging(s)
	c.role = s.Role
	c.limits = Limits{Reads: s.Limits.Reads.or(250, 25), Writes: s.Limits.Writes.or(200, 10),
		Graph: Quota{cmp.Or(s.Limits.Graph.Queries, 15), cmp.Or(s.Limits.Graph.Per, "5s")}}
	c.graphPer = parsed(c.limits.Graph.Per)
	wrong = append(wrong, c.plant(s.ManagementGroups))
	if err := errors.Join(append(wrong, c.aim(s)...)...); err != nil {
		return nil, err
	}
	c.setTheStage()
	return c, nil
}

var (
	guidPattern  = lazyregexp.New(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	groupPattern = lazyregexp.New(`^[\pL\pM\p{Nd}._()\-]{0,89}[\pL\pM\p{Nd}_()\-]$`) // in characters, not bytes
)

// newVault checks a vault's fields and makes its subscription where it is the
// first of it.
func (c *Cloud) newVault(cfg Vault) (*vault, []error) {
	var errs []error
	if !guidPattern().MatchString(bareGUID(cfg.SubscriptionID)) {
		errs = append(errs, fmt.Errorf("subscription ID %q is not a GUID", cfg.SubscriptionID))
	}
	if cfg.Name == "" {
		errs = append(errs, errors.New("has no name"))
	}
	if normalize(cfg.Location) == "" {
		errs = append(errs, fmt.Errorf("vault %q has no location", cfg.Name))
	}
	if cfg.ResourceType != typeBackup && cfg.ResourceType != typeSiteRecovery {
		errs = append(errs, fmt.Errorf("vault %q: resource type %q is neither %s nor %s", cfg.Name, cfg.ResourceType,
			typeBackup, typeSiteRecovery))
	}
	if !groupPattern().MatchString(cfg.TargetResourceGroup) {
		errs = append(errs, fmt.Errorf("vault %q: %q is no name of a resource group", cfg.Name,
			cfg.TargetResourceGroup))
	}
	if cfg.ProtectedItems < 0 {
		errs = append(errs, fmt.Errorf("vault %q: %d protected items", cfg.Name, cfg.ProtectedItems))
	}
	if len(errs) > 0 {
		return nil, errs
	}
	s := c.subscription(cfg.SubscriptionID, cfg.SubscriptionName)
	cfg.SubscriptionID = s.id
	cfg.SubscriptionName = s.name
	return &vault{Vault: cfg, sub: s, key: vaultKey(cfg)}, nil
}

func bareGUID(id string) string {
	return strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(id, "{"), "}"))
}

// subscription returns a subscription, made where this is the first of it.
func (c *Cloud) subscription(id, name string) *subscription {
	id = bareGUID(id)
	s := c.bySub[id]
	if s == nil {
		s = &subscription{id: id, name: name, unregistered: map[string]bool{},
			groups: map[string]*group{}, targets: map[string]*vault{}}
		s.name = cmp.Or(s.name, id)
		c.bySub[id] = s
		c.subs = append(c.subs, s)
	}
	return s
}

// place puts a vault into its region, group and target place.
func (c *Cloud) place(v *vault) {
	c.vaults = append(c.vaults, v)
	c.byKey[v.key] = v
	s := v.sub
	s.vaults = append(s.vaults, v)
	for _, r := range s.regions {
		if normalize(r.location) == normalize(v.Location) {
			v.region = r
		}
	}
	if v.region == nil {
		v.region = &region{service: serviceName(s.id, v.Location), location: v.Location}
		s.regions = append(s.regions, v.region)
	}
	v.region.vaults = append(v.region.vaults, v)
	v.before, v.after = resourceElement(v.ResourceType, v)
	// Half of the vaults have zones left out: clients must cope.
	v.zone = share(0, "zone", v.key) < 0.5

	g := s.groups[strings.ToLower(v.TargetResourceGroup)]
	if g == nil {
		g = newGroup(v.TargetResourceGroup, v.Location)
		s.groups[strings.ToLower(g.name)] = g
	}
	g.missing = g.missing && v.CreateResourceGroup
	s.targets[targetKey(v.TargetResourceGroup, v.Name)] = v
}

// ref names a vault for people.
func (v *vault) ref() string { return v.sub.name + "/" + v.Name }

// now is the wall clock without the monotonic reading, so that times mean the
// same before and after a Reopen.
func now() time.Time { return time.Now().UTC().Round(0) }

// normalize makes "Australia East" and "australiaeast" the same.
func normalize(location string) string {
	return strings.ToLower(strings.Join(strings.Fields(location), ""))
}

func targetKey(group, name string) string {
	return strings.ToLower(group) + "/" + strings.ToLower(name)
}
