using Tunnel.Framing.Flow;
using Tunnel.Framing.Tests.Fuzz;
using Xunit.Abstractions;

namespace Tunnel.Framing.Tests.Flow;

public sealed class FairQueueTests(ITestOutputHelper output)
{
    private const int Frame = 16 * 1024;

    [Fact]
    public void Take_BusyStreams_TakeTurnsOf64KiB()
    {
        var queue = new FairQueue<Item>();
        Item[] items = [Busy("a"), Busy("b"), Busy("c")];
        Array.ForEach(items, queue.Add);
        Send(queue, 14, Frame).Should().Be("aaaabbbbccccaa");
    }

    [Fact]
    public void Take_StreamThatFillsATurnWithMore_WaitsForTheOthers()
    {
        var queue = new FairQueue<Item>();
        queue.Add(Busy("a"));
        queue.Add(Busy("b"));
        Send(queue, 6, FairQueue<Item>.Turn - 1).Should().Be("aabbaa");
    }

    [Fact]
    public void Take_StreamThatPausesInItsTurn_GoesOnWithTheRestOfIt()
    {
        var queue = new FairQueue<Item>();
        Item paused = Busy("a");
        queue.Add(paused);
        queue.Add(Busy("b"));
        queue.Take().Should().BeSameAs(paused);
        queue.Sent(paused, Frame);
        Send(queue, 1, Frame).Should().Be("b");
        queue.Add(paused);
        Send(queue, 7, Frame).Should().Be("aaabbba");
    }

    [Fact]
    public void Take_FreshStream_GoesAheadInTheMiddleOfATurn()
    {
        var queue = new FairQueue<Item>();
        queue.Add(Busy("a"));
        queue.Add(Busy("b"));
        Send(queue, 2, Frame).Should().Be("aa");
        queue.Add(new Item("F"));
        Send(queue, 5, Frame / 2).Should().Be("FFaaa");
    }

    [Fact]
    public void Take_FreshStream_GoesAheadOfTheBusy()
    {
        var queue = new FairQueue<Item>();
        queue.Add(Busy("a"));
        queue.Add(Busy("b"));
        queue.Add(new Item("F"));
        Send(queue, 11, Frame).Should().Be("FaaaabbbbFF");
    }

    [Fact]
    public void Take_ManyFreshStreams_LetTheBusyOneHaveItsTurnEvery32KiB()
    {
        var queue = new FairQueue<Item>();
        queue.Add(Busy("b"));
        for (int i = 0; i < 6; i++)
        {
            queue.Add(new Item("F"));
        }

        Send(queue, 9, Frame, again: false).Should().Be("FFbFFFF");
    }

    [Fact]
    public void Take_ManyTinyFreshFrames_LetTheBusyOneHaveItsTurnEvery32Frames()
    {
        var queue = new FairQueue<Item>();
        queue.Add(Busy("b"));
        for (int i = 0; i < 40; i++)
        {
            queue.Add(new Item("F"));
        }

        Send(queue, 33, 9, again: false).Should().Be(new string('F', 32) + "b");
    }

    [Fact]
    public void Add_Twice_WaitsOnce()
    {
        var queue = new FairQueue<Item>();
        Item item = Busy("a");
        queue.Add(item);
        queue.Add(item);
        queue.Take().Should().BeSameAs(item);
        queue.Take().Should().BeNull();
        queue.IsEmpty.Should().BeTrue();
    }

    [Fact]
    public void Sent_FreshAllowanceUsed_MakesTheStreamBusy()
    {
        var queue = new FairQueue<Item>();
        Item item = new("a");
        queue.Add(item);
        queue.Sent(queue.Take()!, 100);
        item.FreshBytes.Should().Be(FairQueue<Item>.FreshAllowance - 100);
        queue.Sent(item, Frame);
        item.FreshBytes.Should().BeLessThanOrEqualTo(0);
    }

    [Theory]
    [InlineData(0, "bcd")]
    [InlineData(1, "acd")]
    [InlineData(3, "abc")]
    public void Remove_Anywhere_LeavesTheOthersInTheirOrder(int place, string left)
    {
        var queue = new FairQueue<Item>();
        Item[] items = [Busy("a"), Busy("b"), Busy("c"), Busy("d")];
        Array.ForEach(items, queue.Add);
        queue.Remove(items[place]);
        queue.Remove(items[place]);
        Send(queue, 9, Frame, again: false).Should().Be(left);
        queue.Add(items[place]);
        queue.Take().Should().BeSameAs(items[place]);
    }

    [Fact]
    public void Remove_FreshAndBusy_TakesEachFromItsOwnLine()
    {
        var queue = new FairQueue<Item>();
        Item fresh = new("F");
        Item busy = Busy("b");
        queue.Add(fresh);
        queue.Add(busy);
        queue.Remove(fresh);
        queue.Take().Should().BeSameAs(busy);
        queue.Add(busy);
        queue.Remove(busy);
        queue.IsEmpty.Should().BeTrue();
        (fresh.NextInQueue, fresh.PreviousInQueue, fresh.IsQueued).Should().Be((null, null, false));
    }

    /// <summary>
    /// Between the turn of a stream and its frame no lock is held that its user needs: it may let the stream wait again, or end
    /// it, and what stands behind the stream may wait for another one.
    /// </summary>
    [Fact]
    public void History_OfTheWriterAndUsers_LosesNobodyThatWaits()
    {
        foreach (int seed in FuzzBudget.Seeds(inTheGate: 2_000, output))
        {
            var random = new Random(seed);
            var queue = new FairQueue<Item>();
            Item[] items = [.. Enumerable.Range(0, random.Next(2, 6)).Select(i => new Item($"{i}"))];
            var waiting = new HashSet<Item>();
            for (int steps = random.Next(200); steps > 0; steps--)
            {
                if (random.Next(3) > 0)
                {
                    UserDoes(items[random.Next(items.Length)]);
                    continue;
                }

                Item? taken = queue.Take();
                (taken is null).Should().Be(waiting.Count == 0, "seed {0}", seed);
                if (taken is null)
                {
                    continue;
                }

                waiting.Remove(taken).Should().BeTrue("seed {0}", seed);
                while (random.Next(3) == 0)
                {
                    UserDoes(items[random.Next(items.Length)]);
                }

                bool isWanted = random.Next(2) == 0 || waiting.Contains(taken);
                queue.Sent(taken, random.Next(Frame + 8));
                if (isWanted)
                {
                    queue.Add(taken);
                    waiting.Add(taken);
                }
            }

            while (queue.Take() is { } left)
            {
                waiting.Remove(left).Should().BeTrue("seed {0}", seed);
            }

            waiting.Should().BeEmpty("seed {0}", seed);

            void UserDoes(Item item)
            {
                if (random.Next(4) > 0)
                {
                    queue.Add(item);
                    waiting.Add(item);
                }
                else
                {
                    queue.Remove(item);
                    waiting.Remove(item);
                }
            }
        }
    }

    private static Item Busy(string name) => new(name) { FreshBytes = 0 };

    private static string Send(FairQueue<Item> queue, int turns, int bytes, bool again = true)
    {
        string order = "";
        while (turns-- > 0 && queue.Take() is { } item)
        {
            order += item.Name;
            queue.Sent(item, bytes);
            if (again)
            {
                queue.Add(item);
            }
        }

        return order;
    }

    private sealed class Item : FairQueueItem<Item>
    {
        public Item(string name)
        {
            Name = name;
            FreshBytes = FairQueue<Item>.FreshAllowance;
        }

        public string Name { get; }
    }
}
