global using Tunnel.TestSupport;
