return await new Tunnel.Server.ServerCommand().RunAsync(args);
