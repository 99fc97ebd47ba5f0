package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

var record = flag.String("record", "", "the folder for recorded histories; none are recorded without")

// TestRecord records histories for the replays of package rolloutflow: of a run in several
// segments to which people speak, that is cancelled, and is gone on with; and of one of a
// kind whose vaults are read one by one.
func TestRecord(t *testing.T) {
	if *record == "" {
		t.Skip("no -record")
	}
	for name, folder := range map[string]string{"classic": "", "keyvaults": "../../../../examples/keyvaults"} {
		t.Run(name, func(t *testing.T) {
			n := stage(t)
			n.folder = folder
			ctx := t.Context()
			if err := n.set(ctx); err != nil {
				t.Fatal(err)
			}
			options := protocol.Options{Heartbeat: 3 * time.Second, MaxEvents: 250}
			run, err := n.conn.begin(ctx, "demo", n.plan, false, options)
			if err != nil {
				t.Fatal(err)
			}
			ends := make(chan error, 1)
			go func() { ends <- run.Get(ctx, nil) }()
			if err := n.until(ctx, 2, ends); err != nil {
				t.Fatal(err)
			}
			if _, err := saying(n.conn.client)(ctx, "demo",
				protocol.Ask{By: fleet.Actor{User: "kim"},
					Order: rollout.Order{Do: "note", Reason: "looked at it"}}); err != nil {
				t.Fatal(err)
			}
			if folder == "" {
				if err := n.until(ctx, 12, ends); err != nil {
					t.Fatal(err)
				}
				if err := n.conn.client.CancelWorkflow(ctx, "demo", ""); err != nil {
					t.Fatal(err)
				}
			}
			if err := <-ends; err != nil {
				t.Fatal(err)
			}
			save(t, n, name+"-begun")
			if folder != "" {
				return
			}
			run, err = n.conn.resume(ctx, "demo",
				protocol.Resume{By: session.Actor(fleet.Credentials{}), Version: "test"}, options)
			if err != nil {
				t.Fatal(err)
			}
			if err := run.Get(ctx, nil); err != nil {
				t.Fatal(err)
			}
			save(t, n, name+"-resumed")
		})
	}
}

// save writes the segments of the newest workflow, with their payloads in them.
func save(t *testing.T, n *night, name string) {
	t.Helper()
	execution, _, err := n.conn.past().Newest(t.Context(), "demo")
	if err != nil {
		t.Fatal(err)
	}
	var segments []*historypb.History
	for execution != "" {
		h := &historypb.History{}
		events := n.conn.client.GetWorkflowHistory(t.Context(), "demo", execution, false,
			enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			e, err := events.Next()
			if err != nil {
				t.Fatal(err)
			}
			h.Events = append(h.Events, e)
		}
		segments = append(segments, h)
		execution = h.Events[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId()
	}
	slices.Reverse(segments)
	for i, h := range segments {
		data, err := protojson.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		data = inlined(t, data)
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if _, err := z.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*record, fmt.Sprintf("%s-%d.json.gz", name, i+1)), packed.Bytes(),
			0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// claim is what payloads say that are stored as blobs.
var claim = base64.StdEncoding.EncodeToString([]byte("temporal.api.sdk.v1.ExternalStorageReference"))

// inlined makes sure that no payload is the claim of a blob.
func inlined(t *testing.T, data []byte) []byte {
	t.Helper()
	if bytes.Contains(data, []byte(claim)) {
		t.Fatal("a payload is stored as a blob: record a smaller fleet")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		t.Fatal(err)
	}
	return compact.Bytes()
}
