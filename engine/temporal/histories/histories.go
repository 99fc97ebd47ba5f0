// Package histories answers "what do the server's histories say of a ledger": the facts
// that a workflow has decided, over all of its segments, whatever became of the ledger's
// file, of the workers and of the workflow. A ledger can be made again from them alone.
package histories

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/fleetup-dev/fleetup/engine/temporal/evidence"
	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
)

// Reader reads histories.
type Reader struct {
	Client    client.Client
	Converter converter.DataConverter
	// Fetch reads what is stored in place of a payload, where it is one's claim.
	Fetch func(ctx context.Context, p *commonpb.Payload) (*commonpb.Payload, error)
}

// Told is what the history of a workflow says, from its first segment to its last.
type Told struct {
	Execution string          // the last segment's ID
	Input     protocol.Input  // of the first segment
	Begun     *protocol.Begun // nil: it has not begun in the ledger's file
	Facts     []json.RawMessage
}

// RunID is the run that it carried out.
func (t *Told) RunID() string {
	if t.Begun != nil && t.Begun.RunID != "" {
		return t.Begun.RunID
	}
	return t.Input.Opened.RunID
}

// First is the number in the run of the first of the facts.
func (t *Told) First() uint64 { return t.Begun.Facts + 1 }

// ErrNone says that the server knows of no run on a ledger.
var ErrNone = errors.New("the server has no history of this ledger")

// Newest is the newest segment of a ledger's newest workflow, and whether it goes on.
func (r *Reader) Newest(ctx context.Context, ledger string) (execution string, live bool, err error) {
	d, err := r.Client.DescribeWorkflow(ctx, ledger, "")
	if _, none := errors.AsType[*serviceerror.NotFound](err); none {
		return "", false, ErrNone
	}
	if err != nil {
		return "", false, err
	}
	return d.WorkflowExecution.RunID, d.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}

// Read reads a workflow's history, of which execution is the last segment that counts.
func (r *Reader) Read(ctx context.Context, ledger, execution string) (*Told, error) {
	t := &Told{Execution: execution}
	var batches []protocol.Facts
	for execution != "" {
		before, facts, err := r.segment(ctx, ledger, execution, t)
		if _, none := errors.AsType[*serviceerror.NotFound](err); none {
			return nil,
				fmt.Errorf("the server has dropped the segment %s of the run, for it keeps what has ended as long as "+
					"the namespace's retention says: %w", execution, err)
		}
		if err != nil {
			return nil, err
		}
		batches, execution = append(batches, facts...), before
	}
	if t.Begun == nil {
		return t, nil
	}
	slices.SortFunc(batches, func(a, b protocol.Facts) int { return int(int64(a.First) - int64(b.First)) })
	have := t.Begun.Facts
	for _, b := range batches {
		if b.First > have+1 {
			return nil, fmt.Errorf("the history does not have the facts %d to %d of run %s", have+1, b.First-1,
				t.RunID())
		}
		if known := have + 1 - b.First; known < uint64(len(b.Events)) {
			t.Facts = append(t.Facts, b.Events[known:]...)
			have = b.First - 1 + uint64(len(b.Events))
		}
	}
	return t, nil
}

// segment reads one segment, and names the one before it.
func (r *Reader) segment(ctx context.Context, ledger, execution string, t *Told) (before string, facts []protocol.Facts,
	err error) {
	opening := int64(-1)
	events := r.Client.GetWorkflowHistory(ctx, ledger, execution, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return "", nil, err
		}
		switch a := e.GetAttributes().(type) {
		case *historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes:
			before = a.WorkflowExecutionStartedEventAttributes.GetContinuedExecutionRunId()
			if before == "" {
				if err := r.decode(ctx, a.WorkflowExecutionStartedEventAttributes.GetInput(), &t.Input); err != nil {
					return "", nil, err
				}
			}
		case *historypb.HistoryEvent_ActivityTaskScheduledEventAttributes:
			switch a := a.ActivityTaskScheduledEventAttributes; a.GetActivityType().GetName() {
			case protocol.Open:
				opening = e.GetEventId()
			case protocol.Record:
				var f protocol.Facts
				if err := r.decode(ctx, a.GetInput(), &f); err != nil {
					return "", nil, err
				}
				facts = append(facts, f)
			}
		case *historypb.HistoryEvent_ActivityTaskCompletedEventAttributes:
			if a := a.ActivityTaskCompletedEventAttributes; a.GetScheduledEventId() == opening {
				t.Begun = &protocol.Begun{}
				if err := r.decode(ctx, a.GetResult(), t.Begun); err != nil {
					return "", nil, err
				}
			}
		}
	}
	return before, facts, nil
}

// decode reads the one payload that there is.
func (r *Reader) decode(ctx context.Context, all *commonpb.Payloads, into any) error {
	if len(all.GetPayloads()) != 1 {
		return fmt.Errorf("the history has %d payloads where there should be one", len(all.GetPayloads()))
	}
	p, err := r.Fetch(ctx, all.GetPayloads()[0])
	if err != nil {
		return err
	}
	return r.Converter.FromPayload(p, into)
}

// Rebuild makes the ledger again as the history has it, at a path where there is none,
// and returns its newest event. blob reads from the store that all share.
func (t *Told) Rebuild(ctx context.Context, path, version string,
	blob func(ctx context.Context, key string) ([]byte, error)) (seq uint64, head string, err error) {
	if t.Begun == nil {
		return 0, "", fmt.Errorf("run %s has not begun: there is nothing to make again", t.RunID())
	}
	base, err := blob(ctx, t.Begun.Base)
	if err != nil {
		return 0, "", err
	}
	b, err := evidence.Read(bytes.NewReader(base), path, version)
	if err != nil {
		return 0, "", err
	}
	defer func() {
		if err = errors.Join(err, b.Close()); err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	events := t.Facts
	if len(t.Begun.Opened) > 0 {
		planned, err := blob(ctx, t.Input.Ref.Key)
		if err != nil {
			return 0, "", err
		}
		b.Plan(planned)
		events = append([]json.RawMessage{t.Begun.Opened}, events...)
	}
	for _, e := range events {
		if err := b.Add(e); err != nil {
			return 0, "", err
		}
	}
	if err := b.Flush(); err != nil {
		return 0, "", err
	}
	return b.Head()
}
