return await new Tunnel.Quickstart.QuickstartCommand().RunAsync(args);
