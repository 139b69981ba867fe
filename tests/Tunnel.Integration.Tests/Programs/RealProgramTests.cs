using System.Globalization;
using System.Text;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Programs;

/// <summary>Programs that other people wrote, at both ends of the tunnel. The long forms are in tests/drills.</summary>
public sealed class RealProgramTests
{
    [ProgramFact("nginx", "wget")]
    public async Task Mirror_OfATree_IsIdentical()
    {
        using var place = new TemporaryFolder();
        string root = place.Folder("root");
        string copy = place.Folder("copy");
        WriteTree(root);
        await using Nginx nginx = await Nginx.ServeAsync(place, root);

        // wget resolves names by itself, so the server is its proxy: absolute targets, routed by their authority.
        await ProgramRun.RunAsync(
            copy, "wget", "-q", "-r", "-np", "-nH", "-l", "inf", "-e", "robots=off", "-e",
            string.Create(CultureInfo.InvariantCulture, $"http_proxy=http://127.0.0.1:{nginx.Pair.Server.HttpPort}"),
            $"http://{TunnelPair.Name}/index.html");
        string[] files = [.. Directory.GetFiles(root, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(root, file)).Order()];
        Directory.GetFiles(copy, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(copy, file)).Order().Should().Equal(files);
        foreach (string file in files)
        {
            byte[] fetched = await File.ReadAllBytesAsync(Path.Combine(copy, file));
            byte[] served = await File.ReadAllBytesAsync(Path.Combine(root, file));
            fetched.AsSpan().SequenceEqual(served).Should().BeTrue(file);
        }
    }

    [ProgramFact("nginx", "curl")]
    public async Task Curl_WithRangesCompressionAndConditions_GetsWhatNginxSays()
    {
        using var place = new TemporaryFolder();
        string root = place.Folder("root");
        string text = string.Concat(Enumerable.Range(0, 20_000).Select(i => $"{i:00000} line\n"));
        await File.WriteAllTextAsync(Path.Combine(root, "big.css"), text);
        await using Nginx nginx = await Nginx.ServeAsync(place, root);
        (await CurlAsync(place, nginx, "--compressed")).Should().Be(text);
        (await CurlAsync(place, nginx, "-r", "12-23")).Should().Be(text[12..24]);
        (await CurlAsync(place, nginx, "--http1.0")).Should().Be(text);
        (await CurlAsync(place, nginx, "-o", "/dev/null", "-w", "%{http_code}", "-z", Path.Combine(root, "big.css"))).Should().Be("304");
        (await CurlAsync(place, nginx, "-o", "/dev/null", "-w", "%{http_code}", "-I")).Should().Be("200");
        (await CurlAsync(place, nginx, "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", "@" + Path.Combine(root, "big.css"))).Should().Be("405");
    }

    [NpmFact]
    public async Task WebSocket_OfTheWsPackage_EchoesEverySize()
    {
        await using ProgramRun echo = ProgramRun.Start(NpmFactAttribute.Folder, "node", "echo.js");
        int port = int.Parse((await echo.Output.ReadLineAsync().Within())!, CultureInfo.InvariantCulture);
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin(Talk.Ok("unused")), new PairOptions { Agent = options => options.Origin(origin => origin with { Port = port }) });
        string said = await ProgramRun.RunAsync(
            NpmFactAttribute.Folder, "node", "visitor.js",
            string.Create(CultureInfo.InvariantCulture, $"ws://127.0.0.1:{pair.Server.HttpPort}/chat"), TunnelPair.Name);
        said.Trim().Should().Be("echoed 8");
    }

    [ProgramFact("nginx", "chromium")]
    public async Task Browser_WithAPageOfManyAssets_LoadsThemAll()
    {
        const int Each = 80;
        using var place = new TemporaryFolder();
        string root = place.Folder("root");
        var page = new StringBuilder("<!doctype html><title>waiting</title><script>let loaded = 0;</script>\n");
        for (int i = 0; i < Each; i++)
        {
            await File.WriteAllTextAsync(Path.Combine(root, $"{i}.js"), "loaded++;" + new string(' ', i * 100));
            await File.WriteAllTextAsync(Path.Combine(root, $"{i}.css"), $".c{i} {{ width: {i + 1}px; position: absolute }}");
            await File.WriteAllTextAsync(
                Path.Combine(root, $"{i}.svg"), "<svg xmlns='http://www.w3.org/2000/svg' width='3' height='3'><rect width='3' height='3'/></svg>");
            page.AppendLine(CultureInfo.InvariantCulture, $"<link rel=stylesheet href={i}.css><img src={i}.svg onload='loaded++'><p class=c{i}></p><script src={i}.js></script>");
        }

        page.Append("<script>onload = () => { for (let i = 0; i < ").Append(Each)
            .Append("; i++) if (document.querySelector('.c' + i).offsetWidth === i + 1) loaded++; document.title = 'loaded ' + loaded; };</script>");
        await File.WriteAllTextAsync(Path.Combine(root, "index.html"), page.ToString());
        await using Nginx nginx = await Nginx.ServeAsync(place, root);
        string dom = await ProgramRun.RunAsync(
            place.Path, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            $"--user-data-dir={place.File("profile")}", "--host-resolver-rules=MAP *.localhost 127.0.0.1, MAP * ~NOTFOUND",
            $"--screenshot={place.File("page.png")}", "--dump-dom",
            string.Create(CultureInfo.InvariantCulture, $"http://{TunnelPair.Name}:{nginx.Pair.Server.HttpPort}/"));
        dom.Should().Contain($"<title>loaded {3 * Each}</title>");
    }

    private static Task<string> CurlAsync(TemporaryFolder place, Nginx nginx, params string[] arguments) => ProgramRun.RunAsync(
        place.Path, "curl",
        ["-sS", "--resolve", string.Create(CultureInfo.InvariantCulture, $"{TunnelPair.Name}:{nginx.Pair.Server.HttpPort}:127.0.0.1"), .. arguments,
            string.Create(CultureInfo.InvariantCulture, $"http://{TunnelPair.Name}:{nginx.Pair.Server.HttpPort}/big.css")]);

    // Pages that link to each other, and files of every size behind them.
    private static void WriteTree(string root)
    {
        var random = new Random(7);
        var index = new StringBuilder("<!doctype html>");
        for (int i = 0; i < 200; i++)
        {
            string name = $"d{i % 12}/f{i}.{(i % 3 == 0 ? "html" : "bin")}";
            byte[] bytes = new byte[random.Next(1 << random.Next(1, 20))];
            random.NextBytes(bytes);
            Directory.CreateDirectory(Path.Combine(root, $"d{i % 12}"));
            File.WriteAllBytes(Path.Combine(root, name), i % 3 == 0 ? Encoding.ASCII.GetBytes(Convert.ToBase64String(bytes)) : bytes);
            index.Append(CultureInfo.InvariantCulture, $"<a href='{name}'>{i}</a>\n");
        }

        File.WriteAllText(Path.Combine(root, "index.html"), index.ToString());
    }
}
