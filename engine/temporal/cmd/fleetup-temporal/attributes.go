package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
)

// searchAttributes are those of a run, with their types.
var searchAttributes = map[string]enumspb.IndexedValueType{
	protocol.AttributePhase:   enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	protocol.AttributeWave:    enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	protocol.AttributeRun:     enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	protocol.AttributeFailed:  enumspb.INDEXED_VALUE_TYPE_INT,
	protocol.AttributeTenants: enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
}

func attributesCommand() *cli.Command {
	return &cli.Command{
		Name:  "attributes",
		Usage: "make the search attributes of runs in the namespace, once",
		Description: "It needs the right to change the namespace. On Temporal Cloud they are made by its own means: " +
			"FleetupPhase, FleetupWave and\n" +
			"FleetupRun (Keyword), FleetupFailed (Int), FleetupTenants (KeywordList).",
		Flags: serverFlags(),
		Action: func(c *cli.Context) error {
			conn, err := connect(c)
			if err != nil {
				return err
			}
			defer conn.Close()
			if err := conn.addAttributes(c.Context); err != nil {
				return err
			}
			fmt.Println("the namespace has the search attributes of runs: run --search-attributes sets them")
			return nil
		},
	}
}

func (c *connection) addAttributes(ctx context.Context) error {
	_, err := c.client.OperatorService().AddSearchAttributes(ctx,
		&operatorservice.AddSearchAttributesRequest{Namespace: c.namespace, SearchAttributes: searchAttributes})
	if _, there := errors.AsType[*serviceerror.AlreadyExists](err); err != nil && !there {
		return fmt.Errorf("the search attributes cannot be made: %w", err)
	}
	return nil
}
