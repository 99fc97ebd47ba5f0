package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"time"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"
)

// clusterName names the one cluster there is.
const clusterName = "active"

// configure describes a server of one shard over one file. The services listen on the
// ports that follow the frontend's: a server that comes back is found where it was, and
// nobody waits for the one that is gone to be forgotten.
func configure(file, ip string, port int) (*config.Config, *config.SQL, error) {
	ports, err := portsFrom(ip, port, 8)
	if err != nil {
		return nil, nil, err
	}
	service := func(rpc, membership int) config.Service {
		return config.Service{RPC: config.RPC{GRPCPort: rpc, MembershipPort: membership, BindOnIP: ip}}
	}
	frontend := net.JoinHostPort(ip, strconv.Itoa(ports[0]))
	sql := &config.SQL{PluginName: sqliteplugin.PluginName, DatabaseName: file, ConnectAttributes: map[string]string{
		"mode": "rwc",
		// Pragmas: written ahead, and on disk before it is acknowledged.
		"journal_mode": "wal", "synchronous": "full",
	}}
	return &config.Config{
		Global: config.Global{Membership: config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: ip}},
		Persistence: config.Persistence{
			DefaultStore: sqliteplugin.PluginName, VisibilityStore: sqliteplugin.PluginName, NumHistoryShards: 1,
			DataStores: map[string]config.DataStore{sqliteplugin.PluginName: {SQL: sql}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10, MasterClusterName: clusterName, CurrentClusterName: clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{clusterName: {Enabled: true,
				InitialFailoverVersion: 1, RPCAddress: frontend}},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			"frontend": service(ports[0], ports[1]), "history": service(ports[2], ports[3]),
			"matching": service(ports[4], ports[5]), "worker": service(ports[6], ports[7]),
		},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: "disabled"},
			Visibility: config.VisibilityArchival{State: "disabled"},
		},
		PublicClient: config.PublicClient{HostPort: frontend},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: "disabled"},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
	}, sql, nil
}

// prepare makes the file where there is none, and the namespace in it.
func prepare(file string, sql *config.SQL, namespace string) error {
	if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // payloads are in it
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
		if err := sqlite.SetupSchema(sql); err != nil {
			return fmt.Errorf("%s: the tables cannot be made: %w", file, err)
		}
	}
	ns, err := sqlite.NewNamespaceConfig(clusterName, namespace, false, nil)
	if err != nil {
		return err
	}
	if err := sqlite.CreateNamespaces(sql, ns); err != nil {
		return fmt.Errorf("%s: the namespace %s cannot be made: %w", file, namespace, err)
	}
	return nil
}

func serverOptions(conf *config.Config, logger log.Logger) ([]temporal.ServerOption, error) {
	authorizer, err := authorization.GetAuthorizerFromConfig(&conf.Global.Authorization)
	if err != nil {
		return nil, err
	}
	claims, err := authorization.GetClaimMapperFromConfig(&conf.Global.Authorization, logger)
	if err != nil {
		return nil, err
	}
	return []temporal.ServerOption{
		temporal.WithConfig(conf),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithLogger(logger),
		temporal.WithAuthorizer(authorizer),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return claims }),
	}, nil
}

// portsFrom are n ports in a row that are free, from the wanted one on, or from any where
// that is 0.
func portsFrom(ip string, first, n int) (ports []int, err error) {
	const tries = 50
	for try := 1; ; try++ {
		if ports, err = listenOn(ip, first, n); err == nil || first != 0 || try == tries {
			return ports, err
		}
	}
}

// listenOn finds out whether n ports in a row are free, by listening on all at once.
func listenOn(ip string, first, n int) (ports []int, err error) {
	for i := range n {
		want := first
		if i > 0 {
			want = ports[0] + i
		}
		l, err := net.Listen("tcp", net.JoinHostPort(ip, strconv.Itoa(want)))
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
