package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/urfave/cli/v2"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"

	"github.com/fleetup-dev/fleetup/engine/temporal/blobs"
	"github.com/fleetup-dev/fleetup/engine/temporal/histories"
	"github.com/fleetup-dev/fleetup/engine/temporal/seal"
)

// The flags by which every command reaches the server and the store of blobs. TLS and an
// API key come from where every tool of Temporal takes them: its environment (TEMPORAL_TLS,
// TEMPORAL_TLS_CLIENT_CERT_PATH, TEMPORAL_API_KEY …) and its file of profiles.
var (
	addressFlag = &cli.StringFlag{Name: "address",
		Usage: "the `host:port` of the Temporal server (default: the environment's or the profile's, " +
			client.DefaultHostPort + ")"}
	namespaceFlag = &cli.StringFlag{Name: "namespace",
		Usage: "the server's `NAMESPACE` (default: the environment's or the profile's, " + client.DefaultNamespace +
			")"}
	profileFlag = &cli.StringFlag{Name: "profile",
		Usage: "the `NAME` of a profile in Temporal's own configuration file, with address, TLS and API key"}
	queueFlag = &cli.StringFlag{Name: "task-queue", Value: "fleetup", Usage: "the task `QUEUE` of the workers"}
	blobsFlag = &cli.StringFlag{Name: "blobs", Required: true, EnvVars: []string{"FLEETUP_TEMPORAL_BLOBS"},
		Usage: "the `URL` of the store that all workers share: file:///FOLDER"}
	keysFlag = &cli.StringFlag{Name: "encryption-keys", EnvVars: []string{"FLEETUP_TEMPORAL_ENCRYPTION_KEYS"},
		Usage: "seal payloads and blobs with the first of the keys in `FILE`, which has one a line as openssl rand " +
			"-base64 32 writes it, and mode 0600"}
)

// serverFlags are those.
func serverFlags() []cli.Flag {
	return []cli.Flag{addressFlag, namespaceFlag, profileFlag, queueFlag, blobsFlag, keysFlag}
}

var ledgerFlag = &cli.StringFlag{Name: "ledger", Required: true,
	Usage: "the `NAME` of the ledger, which is the workflow's ID"}

// connection is what a command has of the server.
type connection struct {
	client    client.Client
	store     *blobs.Store
	namespace string
	queue     string
	converter converter.DataConverter
}

// settings say which server, and how it is spoken to.
type settings struct {
	address, namespace, profile, queue, blobs, keys string
}

func connect(c *cli.Context) (*connection, error) {
	return dial(c.Context, settings{c.String(addressFlag.Name), c.String(namespaceFlag.Name),
		c.String(profileFlag.Name),
		c.String(queueFlag.Name), c.String(blobsFlag.Name), c.String(keysFlag.Name)})
}

func dial(ctx context.Context, s settings) (*connection, error) {
	o, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{ConfigFileProfile: s.profile})
	if err != nil {
		return nil,
			fmt.Errorf("how the Temporal server is reached cannot be read from the environment and the profiles: %w",
				err)
	}
	if s.address != "" {
		o.HostPort = s.address
	}
	if s.namespace != "" {
		o.Namespace = s.namespace
	}
	var keys *seal.Keys
	if s.keys != "" {
		if keys, err = seal.ReadKeys(s.keys); err != nil {
			return nil, err
		}
	}
	store, err := blobs.Open(ctx, s.blobs)
	if err != nil {
		return nil, err
	}
	store.Keys = keys
	o.DataConverter = keys.Converter(blobs.Compression())
	// Errors name vaults: with keys they are sealed too.
	o.FailureConverter = temporal.NewDefaultFailureConverter(
		temporal.DefaultFailureConverterOptions{DataConverter: o.DataConverter, EncodeCommonAttributes: keys != nil})
	o.ExternalStorage = store.External()
	o.Logger = sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(os.Stderr,
		&slog.HandlerOptions{Level: slog.LevelWarn})))
	cl, err := client.DialContext(ctx, o)
	if err != nil {
		store.Close()
		at := o.HostPort
		if at == "" {
			at = client.DefaultHostPort
		}
		return nil, fmt.Errorf("the Temporal server at %s cannot be reached: %w", at, err)
	}
	if o.Namespace == "" {
		o.Namespace = client.DefaultNamespace
	}
	return &connection{cl, store, o.Namespace, s.queue, o.DataConverter}, nil
}

// past reads histories.
func (c *connection) past() *histories.Reader {
	return &histories.Reader{Client: c.client, Converter: c.converter, Fetch: c.store.Fetch}
}

func (c *connection) Close() {
	c.client.Close()
	c.store.Close()
}
