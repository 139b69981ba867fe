using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tunnel.Hosting.Files;

namespace Tunnel.Hosting.Acme;

/// <summary>
/// One certificate, from the order to the file (RFC 8555 section 7.4). Whatever ends it in between, the process included: the next run goes
/// on where it was, with the same key, and never asks for a second certificate where the first may still come.
/// </summary>
/// <param name="client">With an account.</param>
/// <param name="solvers">Those that may prove the name, the best first.</param>
public sealed class CertificateOrder(AcmeClient client, CertificateFolder folder, IReadOnlyList<IChallengeSolver> solvers)
{
    /// <summary>In which a CA looks for a proof, and in which it makes a certificate.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    /// <summary>The kind of certificate; null: the CA's usual one.</summary>
    public string? Profile { get; init; }

    /// <summary>The certificate that this one comes after (RFC 9773 section 5); null: none.</summary>
    public string? Replaces { get; init; }

    private TimeProvider Time => client.Time;

    /// <summary>Runs to the end; the certificate is on the disk then. Held by the caller: <see cref="CertificateFolder.TryLock"/>.</summary>
    /// <exception cref="AcmeException">No certificate came of it.</exception>
    /// <exception cref="IOException">The disk did not take something; the order waits there for the next run.</exception>
    public async Task RunAsync(IReadOnlyList<string> names, CancellationToken cancel)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        KeptOrder? begun = folder.ReadOrder();
        bool isOurs = begun is not null && begun.Names.SequenceEqual(names) && TryImport(key, begun.Key) && !folder.Holds(key);

        // 1. The order: the one that was begun, else a new one, whose key is kept before anybody is asked.
        AcmeOrder? order = isOurs && begun!.Url is not null ? await FindAsync(begun.Url, cancel) : null;
        if (order is null)
        {
            // A key is for one order: what came of the one before may be known to others.
            if (!isOurs || begun!.Url is not null)
            {
                key.GenerateKey(ECCurve.NamedCurves.nistP256);
            }

            var kept = new KeptOrder(names, key.ExportPkcs8PrivateKeyPem(), null);
            folder.KeepOrder(kept);
            order = await BeginAsync(names, cancel);
            folder.KeepOrder(kept with { Url = order.Url.AbsoluteUri });
        }

        // 2. Each name is proved.
        if (order.Status == AcmeOrderStatus.Pending)
        {
            foreach (Uri url in order.Authorizations)
            {
                await ProveAsync(url, names, cancel);
            }

            order = await WaitAsync(order, static status => status != AcmeOrderStatus.Pending, cancel);
        }

        // 3. The certificate is asked for, once: an order that is past this is only waited for.
        if (order.Status == AcmeOrderStatus.Ready)
        {
            order = await FinalizeAsync(order, names, key, cancel);
        }

        order = await WaitAsync(order, static status => status is AcmeOrderStatus.Valid or AcmeOrderStatus.Invalid, cancel);
        RequireAlive(order);

        // 4. It is on the disk before the order is forgotten.
        folder.Keep(IssuedCertificate.Read(await client.DownloadAsync(order, cancel), key, names, Time.GetUtcNow()));
        folder.DropOrder();
    }

    private static bool TryImport(ECDsa key, string pem)
    {
        try
        {
            key.ImportFromPem(pem);
            return true;
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            return false;
        }
    }

    // Null: the CA knows it no more, or it came to nothing.
    private async Task<AcmeOrder?> FindAsync(string url, CancellationToken cancel)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out Uri? at))
        {
            return null;
        }

        try
        {
            AcmeOrder order = await client.ReadOrderAsync(at, cancel);
            return order.Status == AcmeOrderStatus.Invalid ? null : order;
        }
        catch (AcmeException error) when (IsFinal(error) && error.Problem?.Type != "accountDoesNotExist")
        {
            return null;
        }
    }

    private async Task<AcmeOrder> BeginAsync(IReadOnlyList<string> names, CancellationToken cancel)
    {
        if (Profile is not null && client.Directory.Profiles.Count > 0 && !client.Directory.Profiles.Contains(Profile))
        {
            throw new AcmeException(
                AcmeFault.Refused, $"The CA has no profile '{Printable.Of(Profile)}'; it has {string.Join(", ", client.Directory.Profiles)}.", new AcmeProblem("invalidProfile", ""));
        }

        string? replaces = client.Directory.RenewalInfo is null ? null : Replaces;
        try
        {
            return await client.OrderAsync(names, Profile, replaces, cancel);
        }
        catch (AcmeException error) when (replaces is not null && error.Problem?.Type is "alreadyReplaced" or "malformed" or "unauthorized")
        {
            // Section 5 of RFC 9773: then without that word.
            return await client.OrderAsync(names, Profile, null, cancel);
        }
    }

    private async Task ProveAsync(Uri url, IReadOnlyList<string> names, CancellationToken cancel)
    {
        AcmeAuthorization authorization = await client.ReadAuthorizationAsync(url, cancel);
        if (authorization.IsValid)
        {
            return;
        }

        string name = authorization.Name;
        if (!names.Any(wanted => wanted == name || wanted == "*." + name))
        {
            throw new AcmeException(AcmeFault.Nonsense, $"The CA wants a proof for {Printable.Of(name)}, which nobody asked for.");
        }

        (IChallengeSolver solver, AcmeChallenge challenge) = Choose(authorization);
        IAsyncDisposable proof = await solver.PresentAsync(name, challenge.Token, client.Key.AuthorizationFor(challenge.Token), cancel);
        await using (proof)
        {
            if (authorization.IsPending && challenge.Status == "pending")
            {
                await client.AnswerAsync(challenge, cancel);
            }

            long since = Time.GetTimestamp();
            for (TimeSpan pause = FirstPause; authorization.IsPending; pause = Longer(pause))
            {
                await PauseAsync(authorization.RetryAfter, pause, since, $"the proof of {name}", cancel);
                authorization = await client.ReadAuthorizationAsync(url, cancel);
            }
        }

        if (!authorization.IsValid)
        {
            folder.DropOrder();
            AcmeProblem? problem = authorization.Challenges.FirstOrDefault(one => one.Type == challenge.Type)?.Error
                ?? authorization.Challenges.Select(static one => one.Error).FirstOrDefault(static error => error is not null);
            throw new AcmeException(
                AcmeFault.NotProved, $"The CA did not find the proof ({challenge.Type}) that {name} is served here: {problem?.ToString() ?? $"it says '{authorization.Status}'."}", problem);
        }
    }

    private (IChallengeSolver Solver, AcmeChallenge Challenge) Choose(AcmeAuthorization authorization)
    {
        foreach (IChallengeSolver solver in solvers)
        {
            if (authorization.Challenges.FirstOrDefault(challenge => challenge.Type == solver.Type) is { } challenge)
            {
                return (solver, challenge);
            }
        }

        // Nothing that we could prove is what it takes; the order is of no use.
        folder.DropOrder();
        throw new AcmeException(
            AcmeFault.Refused,
            $"For {Printable.Of(authorization.Name)} the CA takes {string.Join(", ", authorization.Challenges.Select(static challenge => challenge.Type))}, and here is {string.Join(", ", solvers.Select(static solver => solver.Type))}.");
    }

    private async Task<AcmeOrder> FinalizeAsync(AcmeOrder order, IReadOnlyList<string> names, ECDsa key, CancellationToken cancel)
    {
        try
        {
            return await client.FinalizeAsync(order, RequestFor(names, key), cancel);
        }
        catch (AcmeException error) when (error.Problem?.Type == "orderNotReady")
        {
            // It is past that already, or not there yet: what the CA says of it decides.
            return await client.ReadOrderAsync(order.Url, cancel);
        }
        catch (AcmeException error) when (IsFinal(error))
        {
            folder.DropOrder();
            throw;
        }
    }

    private async Task<AcmeOrder> WaitAsync(AcmeOrder order, Func<AcmeOrderStatus, bool> isOver, CancellationToken cancel)
    {
        long since = Time.GetTimestamp();
        for (TimeSpan pause = FirstPause; !isOver(order.Status); pause = Longer(pause))
        {
            await PauseAsync(order.RetryAfter, pause, since, "the certificate", cancel);
            order = await client.ReadOrderAsync(order.Url, cancel);
        }

        RequireAlive(order);
        return order;
    }

    private void RequireAlive(AcmeOrder order)
    {
        if (order.Status == AcmeOrderStatus.Invalid)
        {
            folder.DropOrder();
            throw new AcmeException(AcmeFault.Refused, $"The CA gave the order up: {order.Error?.ToString() ?? "it does not say why."}", order.Error);
        }
    }

    private async Task PauseAsync(TimeSpan? named, TimeSpan usual, long since, string what, CancellationToken cancel)
    {
        if (Time.GetElapsedTime(since) > Patience)
        {
            throw new AcmeException(AcmeFault.TooSlow, $"The CA did not come to an end with {what} within {Patience.TotalMinutes:0} minutes.");
        }

        TimeSpan pause = named ?? usual;
        await Task.Delay(pause < FirstPause / 2 ? FirstPause / 2 : pause > LongestPause ? LongestPause : pause, Time, cancel);
    }

    private static TimeSpan Longer(TimeSpan pause) => pause * 1.5;

    // The same request would be refused once more.
    private static bool IsFinal(AcmeException error) =>
        error.Fault == AcmeFault.Nonsense || error is { Fault: AcmeFault.Refused, Problem.Type: not "rateLimited" and not "serverInternal" };

    private static byte[] RequestFor(IReadOnlyList<string> names, ECDsa key)
    {
        // No name in the subject: it has room for 64 characters only, and nobody looks there.
        var request = new CertificateRequest(new X500DistinguishedName(""), key, HashAlgorithmName.SHA256);
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (string name in names)
        {
            alternatives.AddDnsName(name);
        }

        request.CertificateExtensions.Add(alternatives.Build());
        return request.CreateSigningRequest();
    }
}
