#pragma warning disable IDE0130 // Two namespaces, of which one names the other in every way there is.
using Tunnel.Integration.Tests.Architecture.Sample.Lower;
using Tunnel.Integration.Tests.Architecture.Sample.Upper;

namespace Tunnel.Integration.Tests.Architecture.Sample.Upper
{
    internal class Named
    {
        public static void Do()
        {
        }

        public static void Do<T>()
        {
        }

        public void RunsDown(HasField lower) => lower.ToString();
    }

    internal interface INamed;

    internal sealed class NamedException : Exception;

    [AttributeUsage(AttributeTargets.Class)]
    internal sealed class NamedAttribute : Attribute;
}

namespace Tunnel.Integration.Tests.Architecture.Sample.Lower
{
    internal sealed class HasBase : Named;

    internal sealed class HasInterface : INamed;

    internal sealed class HasField
    {
        public Named? Field { get; set; }
    }

    internal sealed class HasParameter
    {
        public static void Take(Named[] many) => GC.KeepAlive(many);
    }

    internal sealed class HasTypeArgument
    {
        public List<List<Named>> Many { get; } = [];
    }

    [Named]
    internal sealed class HasAttribute;

    internal sealed class HasConstraint
    {
        public static void Take<T>(T one)
            where T : INamed => GC.KeepAlive(one);
    }

    internal sealed class Calls
    {
        public static void Run() => Named.Do();
    }

    internal sealed class CallsInLambda
    {
        public static Action Run(int number) => () =>
        {
            GC.KeepAlive(number);
            Named.Do();
        };
    }

    internal sealed class CallsAsync
    {
        public static async Task RunAsync()
        {
            await Task.Yield();
            Named.Do();
        }
    }

    internal sealed class CallsGeneric
    {
        public static object Run() => Array.Empty<Named>();
    }

    internal sealed class Catches
    {
        public static void Run()
        {
            try
            {
                GC.Collect(0);
            }
            catch (NamedException)
            {
                throw;
            }
        }
    }
}
