package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/urfave/cli/v2"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	sdklog "go.temporal.io/sdk/log"

	"github.com/fleetup-dev/fleetup/engine/temporal/blobs"
	"github.com/fleetup-dev/fleetup/engine/temporal/histories"
)

// The flags by which every command reaches the server and the store of blobs.
var (
	addressFlag   = &cli.StringFlag{Name: "address", Value: client.DefaultHostPort, EnvVars: []string{"TEMPORAL_ADDRESS"}, Usage: "the `host:port` of the Temporal server"}
	namespaceFlag = &cli.StringFlag{Name: "namespace", Value: client.DefaultNamespace, EnvVars: []string{"TEMPORAL_NAMESPACE"}, Usage: "the server's `NAMESPACE`"}
	queueFlag     = &cli.StringFlag{Name: "task-queue", Value: "fleetup", Usage: "the task `QUEUE` of the workers"}
	blobsFlag     = &cli.StringFlag{Name: "blobs", Required: true, Usage: "the `URL` of the store that all workers share: file:///FOLDER"}
)

// serverFlags are those.
func serverFlags() []cli.Flag { return []cli.Flag{addressFlag, namespaceFlag, queueFlag, blobsFlag} }

var ledgerFlag = &cli.StringFlag{Name: "ledger", Required: true, Usage: "the `NAME` of the ledger, which is the workflow's ID"}

// connection is what a command has of the server.
type connection struct {
	client client.Client
	store  *blobs.Store
	queue  string
}

func connect(c *cli.Context) (*connection, error) {
	return dial(c.Context, c.String(addressFlag.Name), c.String(namespaceFlag.Name), c.String(queueFlag.Name), c.String(blobsFlag.Name))
}

func dial(ctx context.Context, address, namespace, queue, blobsURL string) (*connection, error) {
	store, err := blobs.Open(ctx, blobsURL)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cl, err := client.DialContext(ctx, client.Options{HostPort: address, Namespace: namespace, ExternalStorage: store.External(), Logger: sdklog.NewStructuredLogger(log)})
	if err != nil {
		store.Close()
		return nil, fmt.Errorf("the Temporal server at %s cannot be reached: %w", address, err)
	}
	return &connection{cl, store, queue}, nil
}

// past reads histories.
func (c *connection) past() *histories.Reader {
	return &histories.Reader{Client: c.client, Converter: converter.GetDefaultDataConverter(), Fetch: c.store.Fetch}
}

func (c *connection) Close() {
	c.client.Close()
	c.store.Close()
}
